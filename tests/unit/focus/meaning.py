"""Our own tests of what a FOCUS dataset says: accounts, periods, money, SKUs, resources, regions, services, tags."""

import polars as pl

from analysis.focus_columns import FOCUS
from tests.unit.focus.model import Export
from tests.unit.focus.rows import COSTS, THEIRS, beside, every, objects, one

COMMITMENT = [name for name in THEIRS if name.startswith("CommitmentDiscount")]
DEFINED = {"GpuCount": int}  # the SKU price properties of FOCUS that we use
METER_UNITS = {  # the units of the providers' price lists
    ("Modal", "GPU Time"): "GPU-Seconds", ("Modal", "CPU Time"): "Core-Seconds",
    ("Modal", "Memory Time"): "GiB-Seconds", ("Runpod", "GPU Time"): "GPU-Hours",
    ("Runpod", "Disk Storage"): "GB-Months", ("Vast.ai", "GPU Time"): "GPU-Hours",
    ("Vast.ai", "Disk Storage"): "GB-Months", ("Vast.ai", "Network Transfer"): "GB",
}  # fmt: skip


# ---------------------------------------------------------------- accounts and periods


def one_account_a_provider(export: Export) -> bool:
    """a provider's rows are of one billing account, and no other provider's rows are"""
    return one("BillingAccountId", "ProviderName", export) and one("ProviderName", "BillingAccountId", export)


def months_are_whole(export: Export) -> bool:
    """a billing period begins with the first instant of a month and ends with that of the next"""
    start = pl.col("BillingPeriodStart")
    whole = (start == start.dt.truncate("1mo")) & (pl.col("BillingPeriodEnd") == start.dt.offset_by("1mo"))
    return every(whole, export.frame)


def charges_lie_in_their_period(export: Export) -> bool:
    """a charge period is the line's own; it begins within the billing period unless the row is a correction"""
    plain = pl.col("ChargeClass").is_null()
    inside = pl.col("ChargePeriodStart").is_between("BillingPeriodStart", "BillingPeriodEnd", closed="left")
    own = (pl.col("ChargePeriodStart") == pl.col("line_charge_period_start")) & (
        pl.col("ChargePeriodEnd") == pl.col("line_charge_period_end")
    )
    ordered = pl.col("ChargePeriodStart") < pl.col("ChargePeriodEnd")
    return every(own & ordered & (~plain | inside), beside(export))


def corrections_are_of_closed_periods(export: Export) -> bool:
    """a row is a correction where its line changed after its month had closed; it lies in the month of the change"""
    both, closed = beside(export), pl.col("ChargePeriodStart").dt.truncate("1mo").dt.offset_by("1mo")
    late = (pl.col("line_earlier") != "[]") & (pl.col("line_same_since") > closed)
    month = pl.when(pl.col("ChargeClass").is_null()).then("ChargePeriodStart").otherwise("line_same_since")
    fits = pl.col("BillingPeriodStart") == month.dt.truncate("1mo")
    twice = pl.len().over("x_charge_id") == pl.when(late).then(2).otherwise(1)
    return every(fits & twice & (pl.col("ChargeClass").is_null() | late), both)


# ---------------------------------------------------------------- money


def one_currency(export: Export) -> bool:
    """every amount and price of a row is in its BillingCurrency, which is the line's"""
    return every(pl.col("BillingCurrency") == pl.col("line_billing_currency"), beside(export))


def sums_are_the_lines(export: Export) -> bool:
    """the costs of a line's rows add up to what the line says, to the nano-dollar"""
    sums = [(pl.col(name).sum().over("x_charge_id") * 10**9) == pl.col("line_billed_nano") for name in COSTS]
    return every(pl.all_horizontal(sums), beside(export))


def products_match(export: Export) -> bool:
    """price x quantity is the cost, rounded to the nano-dollar, wherever both are there"""
    pairs = (("ListUnitPrice", "ListCost"), ("ContractedUnitPrice", "ContractedCost"))
    fits = [((pl.col(price) * pl.col("PricingQuantity")).round(9) == pl.col(cost)) for price, cost in pairs]
    return all(every(each, export.frame) for each in fits)


def unpriced_costs_are_as_billed(export: Export) -> bool:
    """where there is no unit price, list, contracted and effective cost are the billed cost"""
    same = pl.all_horizontal(pl.col(name) == pl.col("BilledCost") for name in COSTS)
    return every(pl.col("ListUnitPrice").is_not_null() | same, export.frame)


def no_taxes(export: Export) -> bool:
    """no row is a tax or a credit: the bills that we read come before both"""
    return every(pl.col("ChargeCategory").is_in(["Usage", "Adjustment"]), export.frame)


def no_invoice(export: Export) -> bool:
    """no row has an invoice: no bill that we read names one"""
    return export.frame["InvoiceId"].is_null().all()


def nothing_is_committed(export: Export) -> bool:
    """no row is of a commitment: each column of it is null, and no price is Committed"""
    none = all(export.frame[name].is_null().all() for name in COMMITMENT)
    return none and "Committed" not in set(export.frame["PricingCategory"])


def prices_are_standard(export: Export) -> bool:
    """whatever has a price is priced Standard, and nothing else: a rate agreed before, on demand"""
    standard = pl.col("PricingCategory").eq_missing(pl.lit("Standard"))
    return every(standard == pl.col("ListUnitPrice").is_not_null(), export.frame)


def units_are_the_price_lists(export: Export) -> bool:
    """a price from an offer or a list has the unit that the provider prices that meter by"""
    listed = export.frame.filter(pl.col("x_price_source").is_in(["offer", "list"]))
    rows = listed.select("ProviderName", "SkuMeter", "PricingUnit").iter_rows()
    return all(METER_UNITS.get((provider, meter)) == unit for provider, meter, unit in rows)


def quantities_are_numbers(export: Export) -> bool:
    """a consumed quantity is a Decimal, and the quantity that was priced"""
    both = pl.col("ConsumedQuantity").eq_missing(pl.col("PricingQuantity"))
    return export.frame.schema["ConsumedQuantity"].is_decimal() and every(both, export.frame)


# ---------------------------------------------------------------- SKUs


def price_ids_mean_one_price(export: Export) -> bool:
    """a SkuPriceId ends with its price and unit, which all its rows have: it can mean no other, at any time"""
    price = pl.col("ListUnitPrice").cast(pl.String).str.strip_chars_end("0").str.strip_chars_end(".")
    return every(pl.col("SkuPriceId").str.ends_with(pl.format("@{}/{}", price, "PricingUnit")), export.frame)


def contracted_price_is_in_the_id(export: Export) -> bool:
    """the price in a SkuPriceId is the ContractedUnitPrice of its rows"""
    price = pl.col("SkuPriceId").str.extract(r"@([0-9.]+)/").cast(FOCUS["ContractedUnitPrice"])
    return every(price == pl.col("ContractedUnitPrice"), export.frame)


def skus_hold_no_price_and_no_account(export: Export) -> bool:
    """a SkuId is provider, product, what was used and of which kind: no account, category, price or place is in it"""
    account = pl.col("BillingAccountId")
    free = ~pl.col("SkuId").str.contains("@", literal=True) & ~pl.col("SkuId").str.contains(account, literal=True)
    stem = pl.col("SkuPriceId").str.split("@").list.first() == pl.col("SkuId")
    return every(free & stem, export.frame)


def skus_are_of_a_service(export: Export) -> bool:
    """whatever was used has a SKU, its price, a service and a resource"""
    names = ("SkuId", "SkuPriceId", "ServiceName", "ResourceId")
    there = pl.all_horizontal(pl.col(name).is_not_null() for name in names)
    used = (pl.col("ChargeCategory") == "Usage") & pl.col("ChargeClass").is_null()
    return every(~used | there, export.frame)


def details_are_of_their_price(export: Export) -> bool:
    """a SkuPriceId has one set of SkuPriceDetails, and none without it"""
    return one("SkuPriceDetails", "SkuPriceId", export) and every(
        pl.col("SkuPriceDetails").is_null() | pl.col("SkuPriceId").is_not_null(), export.frame
    )


def details_fit_the_meter(export: Export) -> bool:
    """only GPU time has properties of a GPU"""
    return every(pl.col("SkuPriceDetails").is_null() | (pl.col("SkuMeter") == "GPU Time"), export.frame)


def details_are_defined_or_ours(export: Export) -> bool:
    """a property is one of FOCUS, of its type, or begins with x_; the number of GPUs is there beside their model"""
    return all(
        all(key.startswith("x_") or isinstance(value, DEFINED.get(key, ())) for key, value in details.items())
        and "GpuCount" in details
        for details in objects(export, "SkuPriceDetails")
    )


def details_are_of_one_unit(export: Export) -> bool:
    """a numeric property is of one pricing unit: one GPU-second is of one GPU"""
    return all(details.get("GpuCount") == 1 for details in objects(export, "SkuPriceDetails"))


# ---------------------------------------------------------------- resources, regions, services, tags


def ids_are_the_lines(export: Export) -> bool:
    """ResourceId is the provider's own id of the resource that the line bills; all our lines bill one"""
    both = beside(export)
    return every(pl.col("ResourceId").eq_missing(pl.col("line_resource_id")), both)


def ids_mean_one_resource(export: Export) -> bool:
    """an id is of one type of resource and one service"""
    return one("ResourceType", "ResourceId", export) and one("ServiceName", "ResourceId", export)


def names_where_there_are_some(export: Export) -> bool:
    """ResourceName is the name that we gave the resource or its bill tells, else null, and never the id again"""
    both, name = beside(export), pl.coalesce("line_resource_name", "line_deployment")
    told = pl.when(name != pl.col("line_resource_id")).then(name)
    return every(pl.col("ResourceName").eq_missing(told), both)


def regions_are_the_offers(export: Export) -> bool:
    """RegionId is where the rented host stands; null where a provider chooses the place anew for each worker"""
    return every(pl.col("RegionId").eq_missing(pl.col("line_region")), beside(export))


def names_are_the_providers(export: Export) -> bool:
    """who publishes, sells and invoices is the provider; a description names what was billed of which resource"""
    same = pl.all_horizontal(pl.col(f"{role}Name") == pl.col("ProviderName") for role in ("Publisher", "InvoiceIssuer"))
    resource = pl.coalesce("ResourceName", "ResourceId")
    described = pl.col("ChargeDescription").str.contains(pl.format(" of {}", resource), literal=True)
    return every(same & described, export.frame)


def services_have_a_category(export: Export) -> bool:
    """no service needs the category Other: all are Compute or Storage"""
    return every(pl.col("ServiceCategory").is_in(["Compute", "Storage"]), export.frame)


def tags_are_the_bills(export: Export) -> bool:
    """Tags are those of the bill, all of them and unaltered, without a prefix; null where there are none"""
    told = pl.when(~pl.col("line_tags").is_in(["{}", "null"])).then("line_tags")
    return every(pl.col("Tags").eq_missing(told), beside(export))


def tags_have_values(export: Export) -> bool:
    """every tag has a value that is text: the bills know none without"""
    return all(isinstance(value, str) and value for tags in objects(export, "Tags") for value in tags.values())
