"""The READMEs name every setting that there is."""

import re

import pytest

from tests.processes import ROOT

_SETTING = re.compile(r'env\.\w+\(\s*"([A-Z_]+)"')


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_every_setting_is_documented(readme: str) -> None:
    settings = _SETTING.findall((ROOT / "infra/settings.py").read_text())
    text = (ROOT / readme).read_text()
    assert len(settings) > 10
    assert not [name for name in settings if f"`{name}`" not in text]
