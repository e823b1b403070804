"""The chart kit: frame in, Vega-Lite specification out. Rows are always Modal, Runpod, Vast.ai.

Each frame carries `key`, the meaning that colours the row (ui.charts.kit.KEYS), and `simulated`.
"""

from ui.charts.burn import burn
from ui.charts.costbar import costbar
from ui.charts.eviction import eviction
from ui.charts.failures import failures
from ui.charts.gates import gates
from ui.charts.hours import hours
from ui.charts.intervals import intervals
from ui.charts.lanes import lanes
from ui.charts.phases import joblife, phases
from ui.charts.power import power
from ui.charts.strip import dots, strip
from ui.charts.tornado import tornado
from ui.charts.variance import variance
from ui.charts.volume import coldshare, volume
from ui.charts.waterfall import waterfall

__all__ = [
    "burn",
    "coldshare",
    "costbar",
    "dots",
    "eviction",
    "failures",
    "gates",
    "hours",
    "intervals",
    "joblife",
    "lanes",
    "phases",
    "power",
    "strip",
    "tornado",
    "variance",
    "volume",
    "waterfall",
]
