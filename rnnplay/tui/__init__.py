"""The playground's screen: what a trainer tells, painted; what a person presses, sent."""
