"""Decision card: what was promised before any sample was seen, and the traffic that it rests on."""

from ui import card_form, card_panels, card_traffic, card_view, draw, load, load_card, power_panels
from ui.source import source
from ui.status import installation

at = load.version(source())
shown = load_card.shown(at)
here = installation(source())
simulated = here is not None and here.simulated

draw.title(card_view.card_title(shown), card_view.card_caption(shown))
card_panels.warnings(shown)
card_panels.told()
card_panels.sign(shown)
if shown.card is not None:
    card_panels.says(shown.card, simulated=simulated)
card_form.form(at, shown)
if shown.card is not None:
    power_panels.of_card(at, shown.card, simulated=simulated)
if shown.versions:
    card_panels.versions(shown, simulated=simulated)
card_traffic.replayed(at)
card_traffic.more_traffic()
