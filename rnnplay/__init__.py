"""A playground for recurrent neural networks in a terminal."""
