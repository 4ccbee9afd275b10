"""Network: counts, the weight under the cursor and the spectrum are those of the network that is shown."""

from __future__ import annotations

import re

import numpy as np
import pytest
from made_up_play import seen
from scripted_trainer import ScriptedTrainer, shown_network
from waiting import until

from rnnplay import client
from rnnplay import protocol as say
from rnnplay.tui.app import Playground
from rnnplay.tui.state.drafts import RunDrafts


async def test_each_number_is_the_network_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    async def start(opening: say.Command) -> ScriptedTrainer:
        return ScriptedTrainer(opening)

    monkeypatch.setattr(client.TrainerClient, "start", start)
    network = shown_network()
    app = Playground(RunDrafts("prose"))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("enter", "9")
        await until(lambda: "layer 1 W_hh · step 120" in seen(app), lambda: seen(app))
        text = seen(app)
        counts = [int(line.replace(",", "")) for line in re.findall(r"\d+×\d+ +([\d,]+) ", text)]
        assert sum(counts) == network.flat.size
        assert re.search(rf"together +{network.flat.size:,}", text)
        assert f"{network.flat.size:,} parameters" in text
        W = network.parameters["l0.W_hh"]
        assert re.search(rf"\{W[0, 0]:+.4f} .*\n.*from unit 1 to gate o of unit 1", text)

        await pilot.press("right", "right", "down")
        await until(lambda: "from unit 3 to gate o of unit 2" in seen(app), lambda: seen(app))
        assert f" {W[1, 2]:+.4f} " in seen(app)
        sigma = np.linalg.svd(W, compute_uv=False)
        assert f"singular values {sigma[0]:.2f} to {sigma[-1]:.2f}" in seen(app)

        await pilot.press("g")
        radii = np.abs(np.linalg.eigvals(W[6:12]))
        radius, outside = radii.max(), (radii > 1).sum()
        await until(
            lambda: "gate i" in seen(app) and f"{radius:.2f}, {outside} of 6 outside" in seen(app), lambda: seen(app)
        )
        assert "from unit 3 to gate i of unit 1" in seen(app)

        await pilot.press("left_square_bracket")
        await until(lambda: "at step 64" in seen(app), lambda: seen(app))
        assert f"{W[6, 2]:+.4f}   at step 64 {W[6, 2] * 0.5:+.4f}" in seen(app)
        assert "as it was at step 64, of the best evaluation." in seen(app)
        assert f"norm {np.linalg.norm(W):.2f}   earlier {np.linalg.norm(W) / 2:.2f}" in seen(app)
        assert "1.f open 89 %, shut 0 % of units:" in seen(app)
        await pilot.press("j")
        await until(lambda: "layer 1 b_h · step 120" in seen(app))
        await pilot.press("k", "k")
        await until(lambda: "layer 1 W_xh · step 120" in seen(app))
        await app.session.close()
