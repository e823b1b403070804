"""What each provider supports, in the model's criteria; and where the model's checks do not say what its rules say."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.unit.focus.model import Check
from words import Provider

ALL = frozenset(Provider)
NONE: frozenset[Provider] = frozenset()


@dataclass(frozen=True)
class Support:
    """Who supports a criterion, and how we know."""

    by: frozenset[Provider]
    why: str


CRITERIA: Mapping[str, Support] = {
    "ACCOUNT_NAMING_SUPPORTED": Support(
        frozenset({Provider.MODAL}),
        "Modal names its workspaces; the interfaces of Runpod and Vast.ai know an account by its id alone",
    ),
    "AVAILABILITY_ZONE_SUPPORTED": Support(NONE, "nobody sells or bills zones within a region"),
    "CAPACITY_RESERVATION_SUPPORTED": Support(NONE, "nobody bills a reservation of capacity"),
    "COMMITMENT_DISCOUNT_SUPPORTED": Support(
        frozenset({Provider.VAST}),
        "Vast.ai sells reserved instances, prepaid at up to half the price; Modal's and Runpod Serverless' prices have"
        " no commitment. We rent on demand alone, so the columns are null",
    ),
    "MULTIPLE_PRICING_CATEGORIES_SUPPORTED": Support(
        frozenset({Provider.VAST}), "Vast.ai rents on demand, interruptible and reserved; the others have one price"
    ),
    "MULTIPLE_SUB_ACCOUNT_TYPES_SUPPORTED": Support(NONE, "without sub accounts there are no types of them"),
    "MULTIPLE_BILLING_ACCOUNT_TYPES_SUPPORTED": Support(NONE, "no interface tells types of billing accounts"),
    "NEGOTIATED_PRICING_SUPPORTED": Support(frozenset({Provider.MODAL}), "Modal's Enterprise plan has its own prices"),
    "PUBLIC_PRICE_LIST_SUPPORTED": Support(
        ALL, "Modal's pricing page and billing rates, Runpod's catalogue, Vast.ai's offers"
    ),
    "USAGE_MEASUREMENT_SUPPORTED": Support(ALL, "all three meter seconds, gigabytes or both"),
    "UNIT_PRICING_SUPPORTED": Support(ALL, "all three price by the unit of what they meter"),
    "SUB_ACCOUNT_SUPPORTED": Support(
        NONE, "bills are of the one account of a key; Modal's environments are namespaces of apps within a workspace"
    ),
    "BILLING_BASED_ON_PROVISIONED_RESOURCES_SUPPORTED": Support(ALL, "bills name apps, endpoints, pods, contracts"),
    "RESOURCE_TYPE_ASSIGNMENT_SUPPORTED": Support(ALL, "each bill is of one kind of resource, and says which"),
    "PRICING_BILLING_CURRENCY_DIFFERENCES_SUPPORTED": Support(NONE, "all three price and bill in US dollars"),
    "VIRTUAL_CURRENCY_SUPPORTED": Support(NONE, "credits are counted in US dollars"),
    "REGION_SUPPORTED": Support(ALL, "workers run in regions, data centers or at a host's place"),
    "TAGGING_SUPPORTED": Support(frozenset({Provider.MODAL}), "Modal's apps have tags; labels of the others are names"),
}


def supported(provider: Provider) -> frozenset[str]:
    """The criteria that the provider meets."""
    return frozenset(name for name, support in CRITERIA.items() if provider in support.by)


def _is(column: str, value: str | None) -> Check:
    return {"CheckFunction": "CheckValue", "ColumnName": column, "Value": value}


def _is_not(column: str, value: str | None) -> Check:
    return {"CheckFunction": "CheckNotValue", "ColumnName": column, "Value": value}


def _all(*items: Check) -> Check:
    return {"CheckFunction": "AND", "Items": list(items)}


@dataclass(frozen=True)
class Erratum:
    """A condition or a requirement as the rule's words have it, and what the model's check says instead."""

    parts: Mapping[str, Check]
    why: str


_STATUS, _ID, _RESOURCE = "CommitmentDiscountStatus", "CommitmentDiscountId", "ResourceId"
_RESERVATION = "CapacityReservationId"
ERRATA: Mapping[str, Erratum] = {
    "ConsumedQuantity-C-006-C": Erratum(
        {"Condition": _is_not("ChargeClass", "Correction")}, "the check is of corrections, the words of all others"
    ),
    "ResourceId-C-006-C": Erratum(
        {"Condition": _is_not(_RESOURCE, None)}, "the condition names its column under another key"
    ),
    "ResourceType-C-005-C": Erratum(
        {"Condition": _is_not(_RESOURCE, None)}, "the condition names its column under another key"
    ),
    "ResourceName-C-005-C": Erratum({"Condition": _is_not(_RESOURCE, None)}, "the condition is the opposite"),
    "Tags-C-003-C": Erratum({"Condition": _is_not("Tags", None)}, "the condition is the opposite"),
    "CommitmentDiscountStatus-C-003-C": Erratum(
        {"Requirement": _is(_STATUS, None)}, "the check wants a value where the words want null"
    ),
    "CommitmentDiscountStatus-C-004-C": Erratum(
        {"Condition": _all(_is_not(_ID, None), _is("ChargeCategory", "Usage"))}, "the condition is the opposite"
    ),
    "CommitmentDiscountStatus-C-005-M": Erratum(
        {
            "Condition": _is_not(_STATUS, None),
            "Requirement": {"CheckFunction": "OR", "Items": [_is(_STATUS, "Used"), _is(_STATUS, "Unused")]},
        },
        "the check refuses null, and its values are not those of the specification (Used, Unused)",
    ),
    "CommitmentDiscountCategory-C-005-M": Erratum(
        {"Condition": _is_not("CommitmentDiscountCategory", None)}, "the check refuses null, which the words allow"
    ),
    "CommitmentDiscountQuantity-C-010-C": Erratum(
        {"Condition": _is("ChargeCategory", "Purchase")}, "the condition is of no category"
    ),
    "CapacityReservationStatus-C-003-C": Erratum(
        {"Condition": _is(_RESERVATION, None)}, "the condition has no check function"
    ),
    "CapacityReservationStatus-C-004-C": Erratum(
        {"Condition": _all(_is_not(_RESERVATION, None), _is("ChargeCategory", "Usage"))},
        "the condition has no check function",
    ),
}
