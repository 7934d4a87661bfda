"""The packaged file says what the code assumes, and each key of it reaches the options."""

from __future__ import annotations

from pathlib import Path

import pytest

from lead_pipeline.config.loading import load_document
from lead_pipeline.dievio.options import DievioOptions, parse_dievio_options
from lead_pipeline.errors import ConfigurationError


def test_the_packaged_file_states_the_defaults() -> None:
    assert parse_dievio_options(load_document("dievio")) == DievioOptions()


def test_a_misspelt_key_is_refused_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "dievio.yaml").write_text("auth:\n  heder: X-API-Key\n  prefix: ''\n")

    with pytest.raises(ConfigurationError) as caught:
        load_document("dievio", directory=tmp_path)

    assert "dievio.yaml:2:3: auth.heder: unknown key. Did you mean header?" in str(caught.value)
    assert "the key rate is missing" in str(caught.value)
