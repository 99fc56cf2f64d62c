"""The large demo's assortment: any number of products, the same ones at every run.

Pure. Names are put together from invented makes and models, materials, kinds, colours and sizes,
so that a search has words that stand in thousands of products and words that stand in few.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product as combined
from random import Random
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Kind:
    """A sort of thing: its shelf and the one above, its picture, and what there is of it.

    Prices are whole units of money, from and to. ``share`` says how many of a hundred products,
    about, are of this kind.
    """

    name: str
    shelf: str
    above: str
    picture: str
    cheapest: int
    dearest: int
    share: int
    materials: tuple[str, ...]
    sizes: tuple[str, ...]

    @cached_property
    def code(self) -> str:
        """How SKUs begin."""
        return self.name.upper().replace(" ", "-")


CERAMICS: Final = ("stoneware", "porcelain", "earthenware", "enamel", "glass")
BREWING: Final = ("steel", "copper", "glass", "brass")
IRON: Final = ("cast-iron", "carbon-steel", "copper", "aluminium")
WOODS: Final = ("oak", "walnut", "beech", "olive-wood", "bamboo", "maple")
LAMPS: Final = ("brass", "steel", "linen", "paper", "smoked-glass")
WOOLS: Final = ("wool", "cotton", "alpaca", "mohair", "linen")
LINENS: Final = ("linen", "cotton", "half-linen", "hemp")
CANVAS: Final = ("ripstop", "canvas", "polyester", "cotton")
BOTTLES: Final = ("steel", "titanium", "aluminium", "glass")
VOLUMES: Final = ("200 ml", "250 ml", "350 ml", "500 ml")
LITRES: Final = ("0.5 l", "0.75 l", "1 l", "1.5 l")
WIDTHS: Final = ("20 cm", "24 cm", "26 cm", "28 cm", "30 cm")
LENGTHS: Final = ("30 cm", "40 cm", "50 cm", "60 cm")
CLOTHS: Final = ("50 x 70 cm", "60 x 80 cm", "130 x 180 cm", "140 x 200 cm")
PERSONS: Final = ("1 person", "2 persons", "3 persons", "4 persons")
CUPS: Final = ("3 cups", "6 cups", "8 cups", "12 cups")

KINDS: Final = (
    Kind("mug", "Mugs", "Coffee & tea", "stoneware-mug.svg", 6, 32, 9, CERAMICS, VOLUMES),
    Kind("cup", "Cups", "Coffee & tea", "stoneware-mug.svg", 5, 28, 4, CERAMICS, VOLUMES),
    Kind("bowl", "Bowls", "Coffee & tea", "stoneware-mug.svg", 7, 45, 5, CERAMICS, VOLUMES),
    Kind("teapot", "Teapots", "Coffee & tea", "french-press.svg", 18, 120, 2, CERAMICS, LITRES),
    Kind("French press", "Presses", "Coffee & tea", "french-press.svg", 19, 95, 3, BREWING, CUPS),
    Kind("dripper", "Drippers", "Coffee & tea", "french-press.svg", 9, 60, 2, CERAMICS, CUPS),
    Kind("grinder", "Grinders", "Coffee & tea", "hand-grinder.svg", 25, 190, 2, BREWING, CUPS),
    Kind("pepper mill", "Mills", "Coffee & tea", "hand-grinder.svg", 15, 80, 2, WOODS, LENGTHS),
    Kind("pan", "Pans", "Cookware", "cast-iron-pan.svg", 19, 160, 5, IRON, WIDTHS),
    Kind("casserole", "Casseroles", "Cookware", "cast-iron-pan.svg", 39, 320, 2, IRON, WIDTHS),
    Kind("wok", "Woks", "Cookware", "cast-iron-pan.svg", 25, 140, 1, IRON, WIDTHS),
    Kind("grill plate", "Grill plates", "Cookware", "cast-iron-pan.svg", 29, 150, 1, IRON, WIDTHS),
    Kind("cutting board", "Boards", "Cookware", "cutting-board.svg", 14, 110, 5, WOODS, LENGTHS),
    Kind("tray", "Trays", "Cookware", "cutting-board.svg", 16, 90, 3, WOODS, LENGTHS),
    Kind("spoon", "Spoons", "Cookware", "cutting-board.svg", 3, 24, 4, WOODS, LENGTHS),
    Kind("desk lamp", "Desk lamps", "Lighting", "desk-lamp.svg", 39, 420, 3, LAMPS, LENGTHS),
    Kind("wall lamp", "Wall lamps", "Lighting", "desk-lamp.svg", 35, 380, 2, LAMPS, WIDTHS),
    Kind("reading lamp", "Reading lamps", "Lighting", "desk-lamp.svg", 29, 260, 2, LAMPS, LENGTHS),
    Kind("lantern", "Lanterns", "Lighting", "desk-lamp.svg", 15, 130, 2, LAMPS, WIDTHS),
    Kind("blanket", "Blankets", "Textiles", "wool-blanket.svg", 35, 290, 4, WOOLS, CLOTHS),
    Kind("cushion", "Cushions", "Textiles", "wool-blanket.svg", 15, 90, 5, WOOLS, CLOTHS),
    Kind("rug", "Rugs", "Textiles", "wool-blanket.svg", 49, 900, 2, WOOLS, CLOTHS),
    Kind("tea towel", "Tea towels", "Textiles", "tea-towels.svg", 6, 35, 6, LINENS, CLOTHS),
    Kind("tablecloth", "Tablecloths", "Textiles", "tea-towels.svg", 25, 160, 3, LINENS, CLOTHS),
    Kind("apron", "Aprons", "Textiles", "tea-towels.svg", 15, 75, 2, LINENS, ("one size",)),
    Kind("tent", "Tents", "Camping", "trail-tent.svg", 89, 990, 3, CANVAS, PERSONS),
    Kind("tarp", "Tarps", "Camping", "trail-tent.svg", 29, 240, 2, CANVAS, PERSONS),
    Kind("hammock", "Hammocks", "Camping", "trail-tent.svg", 25, 180, 2, CANVAS, PERSONS),
    Kind("bottle", "Bottles", "Camping", "steel-bottle.svg", 12, 65, 6, BOTTLES, LITRES),
    Kind("flask", "Flasks", "Camping", "steel-bottle.svg", 15, 75, 3, BOTTLES, LITRES),
    Kind("lunch box", "Lunch boxes", "Camping", "steel-bottle.svg", 9, 48, 3, BOTTLES, LITRES),
)
BY_SHARE: Final = tuple(kind for kind in KINDS for _ in range(kind.share))
MAKES: Final = (
    "Harbour", "Nordlys", "Kestrel", "Anvil", "Fjord", "Lumen", "Moorland", "Brook", "Ridge",
    "Summit", "Åsbo", "Bramble", "Cairn", "Delft", "Élan", "Fennel", "Garnet", "Heron", "Isar",
    "Juniper", "Köhler", "Larch", "Mistral", "Nettle", "Orchard", "Père", "Quarry", "Rowan",
    "Sorrel", "Thistle", "Ulm", "Vesper", "Willow", "Yarrow", "Zephyr", "Birchwood", "Copperfield",
    "Driftwood", "Elmstead", "Foxglove",
)  # fmt: skip
SYLLABLES: Final = (
    "al", "be", "cor", "da", "el", "fi", "gra", "ho", "is", "jo", "ka", "lu", "mer", "na", "or",
    "pa", "qui", "ra", "sol", "ta", "ul", "ve", "wi", "xan", "ys", "zo", "bren", "dal", "fen",
    "gor", "hul", "kir",
)  # fmt: skip
COLOURS: Final = (
    "white", "black", "blue", "green", "grey", "red", "amber", "sand", "moss", "slate", "cream",
    "copper", "indigo", "rust", "olive", "teal",
)  # fmt: skip
PRAISE: Final = (
    "Made to be used every day.",
    "Easily cleaned, and repaired where others are thrown away.",
    "Spare parts are kept for ten years.",
    "Every piece is a little different.",
    "Comes in a box of recycled card.",
    "Light enough to be taken along.",
    "It grows more beautiful with the years.",
    "From a small workshop by the sea.",
)
ENDINGS: Final = (0, 50, 90, 95, 99, 90, 95, 90)
"""Of prices, in cents: what follows the point most often is 90."""
MODELS: Final = tuple(
    "".join(syllables).capitalize() for syllables in combined(SYLLABLES, repeat=3)
)
SHUFFLE: Final = 7_368_787
NUMBERS: Final = 10_000_000
"""The digits of a SKU: multiplied by a prime, numbers up to ten million come in no order."""
PREFIX: Final = "9522"
PREFIX_WEIGHT: Final = 9 + 3 * 5 + 2 + 3 * 2
HALF: Final = 10_000
WEIGHTS: Final = tuple(a + 3 * b + c + 3 * d for a, b, c, d in combined(range(10), repeat=4))
"""What four digits of a barcode add to the sum that its check digit makes up to full tens."""


@dataclass(frozen=True, slots=True)
class Item:
    """One product. Its price is in cents; picture and barcode are empty where it has none."""

    kind: Kind
    sku: str
    name: str
    description: str
    cents: int
    picture: str
    barcode: str
    status: str


def items(count: int) -> Iterator[Item]:
    """The first so many products of the assortment, ten million at most."""
    random = Random("assortment")  # noqa: S311  an assortment, not a secret
    for number in range(count):
        yield _item(number, random)


def is_draft(number: int) -> bool:
    """Still being described: not on sale, and without stock."""
    return number % 19 == 5  # noqa: PLR2004  one in nineteen


def is_archived(number: int) -> bool:
    """No longer on sale; what is left of it is still there."""
    return number % 41 == 7  # noqa: PLR2004  one in forty-one


def _item(number: int, random: Random) -> Item:
    choice = random.choice
    kind, make, model = choice(BY_SHARE), choice(MAKES), choice(MODELS)
    material, colour = choice(kind.materials), choice(COLOURS)
    praise = f" {choice(PRAISE)}" if number % 2 else ""
    return Item(
        kind=kind,
        sku=f"{kind.code}-{model.upper()}-{number * SHUFFLE % NUMBERS:07}",
        name=f"{make} {model} {material} {kind.name}, {colour}, {choice(kind.sizes)}",
        description=f"{kind.name.capitalize()} by {make}, of {material}.{praise}",
        cents=_price(kind, random.random()) + choice(ENDINGS),
        picture=kind.picture if number % 5 else "",
        barcode=_barcode(number) if number % 16 else "",
        status=_status(number),
    )


def _price(kind: Kind, place: float) -> int:
    """In cents; most are nearer to the cheapest than to the dearest."""
    return 100 * (kind.cheapest + int((kind.dearest - kind.cheapest) * place * place))


def _barcode(number: int) -> str:
    """A GTIN-13 of the prefix for demonstrations, with its check digit (GS1 §7.9)."""
    high, low = divmod(number, HALF)
    return f"{PREFIX}{number:08}{-(PREFIX_WEIGHT + WEIGHTS[high] + WEIGHTS[low]) % 10}"


def _status(number: int) -> str:
    if is_draft(number):
        return "draft"
    return "archived" if is_archived(number) else "active"
