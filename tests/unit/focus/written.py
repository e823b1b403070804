"""Our own tests of how a FOCUS dataset is written: instants, numbers, texts, columns, units, keys and values."""

import re

import polars as pl

from analysis.focus_columns import FOCUS
from tests.unit.focus.model import INSTANT, NUMBER, UNIT, Export, columns_of_model, is_key_value
from tests.unit.focus.rows import THEIRS, beside, every, one

INSTANTS = [name for name in THEIRS if isinstance(FOCUS[name], pl.Datetime)]
NUMBERS = [name for name in THEIRS if isinstance(FOCUS[name], pl.Decimal)]
KEY_VALUES = ("Tags", "SkuPriceDetails")
TEXTS = [name for name in THEIRS if FOCUS[name] == pl.String]


# ---------------------------------------------------------------- how values are written


def instants_are_utc(export: Export) -> bool:
    """every instant is typed with the zone UTC, and is the line's own"""
    typed = all(export.frame.schema[name] == pl.Datetime("us", "UTC") for name in INSTANTS)
    return typed and every(pl.col("ChargePeriodStart") == pl.col("line_charge_period_start"), beside(export))


def instants_are_iso(export: Export) -> bool:
    """every instant in the file reads YYYY-MM-DDTHH:MM:SSZ, with decimals only where there are some"""
    return every(pl.all_horizontal(pl.col(name).str.contains(INSTANT) for name in INSTANTS), export.text)


def currency_is_a_code(export: Export) -> bool:
    """BillingCurrency is three capital letters; no column holds a virtual currency"""
    return every(pl.col("BillingCurrency").str.contains("^[A-Z]{3}$"), export.frame)


def numbers_are_plain(export: Export) -> bool:
    """every number in the file is digits with at most one point and a minus before: no exponent, plus, comma, unit"""
    return every(pl.all_horizontal(pl.col(name).str.contains(NUMBER) for name in NUMBERS), export.text)


def minus_means_negative(export: Export) -> bool:
    """a number in the file begins with a minus where it is below zero, and nowhere else"""
    both = export.both()
    signed = (pl.col(f"{name}__text").str.starts_with("-") == (pl.col(name) < 0) for name in NUMBERS)
    return every(pl.all_horizontal(signed), both)


def numbers_are_decimals(export: Export) -> bool:
    """every numeric column is of type Decimal"""
    return all(export.frame.schema[name].is_decimal() for name in NUMBERS)


def texts_are_unicode(export: Export) -> bool:
    """every text is UTF-8 without a replacement character"""
    return all("\ufffd" not in value for name in TEXTS for value in export.frame[name].drop_nulls())


def texts_are_the_providers(export: Export) -> bool:
    """ids, names and tags are the line's own, sign by sign, and its description is in ChargeDescription"""
    both = beside(export)
    name = pl.coalesce("line_resource_name", "line_deployment")
    same = [
        pl.col("ResourceId") == pl.col("line_resource_id"),
        pl.col("ResourceName") == name,
        pl.col("Tags") == pl.col("line_tags"),
        pl.col("ChargeDescription").str.ends_with(pl.col("line_description")),
    ]
    return all(every(each, both) for each in same)


def names_are_of_their_time(export: Export) -> bool:
    """ResourceName is what that line itself calls its resource, whatever others say"""
    return every(pl.col("ResourceName") == pl.coalesce("line_resource_name", "line_deployment"), beside(export))


def ids_stay(export: Export) -> bool:
    """a resource's id is the line's, and its region is one"""
    return every(pl.col("ResourceId") == pl.col("line_resource_id"), beside(export)) and one(
        "RegionId", "ResourceId", export
    )


def no_empty_texts(export: Export) -> bool:
    """no text is empty or blank: what is not known is null, and reads as nothing between two commas"""
    return all(value.strip() for name in TEXTS for value in export.frame[name].drop_nulls())


def no_placeholders(export: Export) -> bool:
    """no text stands for no value, and a quantity is zero only where the amount is"""
    words = {"", "n/a", "na", "none", "null", "unknown", "not applicable", "-"}
    plain = all(value.strip().lower() not in words for name in TEXTS for value in export.frame[name].drop_nulls())
    zero = pl.any_horizontal(pl.col(name) == 0 for name in ("PricingQuantity", "ConsumedQuantity", "ListUnitPrice"))
    return plain and every(~zero | (pl.col("BilledCost") == 0), export.frame)


# ---------------------------------------------------------------- names of columns


def columns_are_the_specifications(export: Export) -> bool:
    """every column that is not ours is one of FOCUS 1.2, spelt as there"""
    return {name for name in export.frame.columns if not name.startswith("x_")} <= columns_of_model()


def columns_are_pascal_case(export: Export) -> bool:
    """every column of FOCUS is letters and digits in Pascal case"""
    theirs = [name for name in export.frame.columns if not name.startswith("x_")]
    return all(re.fullmatch(r"([A-Z][a-z0-9]+)+", name) for name in theirs)


def our_columns_say_so(export: Export) -> bool:
    """every column that is not of FOCUS 1.2 begins with x_"""
    return all(name.startswith("x_") for name in export.frame.columns if name not in columns_of_model())


def categories_are_normalized(export: Export) -> bool:
    """every column whose name ends with Category holds capitalized values of the specification's list"""
    names = [name for name in THEIRS if name.endswith("Category") and name != "CommitmentDiscountCategory"]
    allowed = {"Usage", "Adjustment", "Compute", "Storage", "Standard"}
    return all(set(export.frame[name].drop_nulls()) <= allowed for name in names)


# ---------------------------------------------------------------- units, keys and values


def units_are_spelt(export: Export) -> bool:
    """units are the specification's (GB, GiB, Seconds, Hours, Months, Core), GPU as a count, or a currency"""
    return all(every(pl.col(name).str.contains(UNIT), export.frame) for name in ("PricingUnit", "ConsumedUnit"))


def objects_are_flat_json(export: Export) -> bool:
    """Tags and SkuPriceDetails are JSON objects with unique keys and plain values"""
    return all(is_key_value(text) for name in KEY_VALUES for text in export.frame[name].drop_nulls())
