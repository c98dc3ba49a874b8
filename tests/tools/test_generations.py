import pytest
from generations import PAGE, loss_rows, network_rows


@pytest.mark.slow
@pytest.mark.parametrize("rows", [network_rows, loss_rows])
def test_the_page_is_of_these_networks_and_recipes(rows):
    """Run tools/generations.py after changing either."""
    page = PAGE.read_text(encoding="utf-8")
    for cells in rows():
        assert f"| {' | '.join(cells)} |" in page
