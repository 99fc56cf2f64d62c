"""The demo's shop: its shelves and what is on them. Nothing of it exists.

Barcodes are of the prefix that GS1 keeps for demonstrations, 952.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

CATEGORIES: Final = {
    "Kitchen": None,
    "Coffee & tea": "Kitchen",
    "Cookware": "Kitchen",
    "Home": None,
    "Lighting": "Home",
    "Textiles": "Home",
    "Outdoor": None,
    "Camping": "Outdoor",
}
"""Each category and the one above it, which comes first."""


@dataclass(frozen=True, slots=True)
class Article:
    """A product, and how it sells: units, orders a day, units in the largest order.

    ``opening`` units are there at the month's beginning. ``delivery`` units arrive three days
    after the main location has come down to ``reorder_point``; of none the supplier has run out.
    """

    sku: str
    name: str
    category: str
    price: Decimal
    barcode: str
    image: str
    description: str
    opening: int
    orders_a_day: float
    largest_order: int
    reorder_point: int
    delivery: int


ARTICLES: Final = (
    Article(
        sku="MUG-HARBOUR-350",
        name="Harbour stoneware mug, 350 ml",
        category="Coffee & tea",
        price=Decimal("14.50"),
        barcode="9521000100015",
        image="stoneware-mug.svg",
        description=(
            "Thrown by hand, glazed in the blue of a harbour in the morning. Holds 350 ml, keeps "
            "its warmth, and goes into the dishwasher and the microwave."
        ),
        opening=120,
        orders_a_day=1.6,
        largest_order=6,
        reorder_point=40,
        delivery=96,
    ),
    Article(
        sku="PRESS-NORDLYS-8",
        name="Nordlys French press, 8 cups",
        category="Coffee & tea",
        price=Decimal("39.90"),
        barcode="9521000100022",
        image="french-press.svg",
        description=(
            "Borosilicate glass in a steel frame with a walnut knob. The double sieve lets no "
            "grounds through. One litre, spare glass available."
        ),
        opening=40,
        orders_a_day=0.8,
        largest_order=2,
        reorder_point=12,
        delivery=24,
    ),
    Article(
        sku="GRINDER-KESTREL",
        name="Kestrel hand coffee grinder",
        category="Coffee & tea",
        price=Decimal("64.00"),
        barcode="9521000100039",
        image="hand-grinder.svg",
        description=(
            "Conical steel burrs on two bearings, forty settings from espresso to press. Grinds "
            "30 g in about a minute and fits into a rucksack."
        ),
        opening=30,
        orders_a_day=0.6,
        largest_order=1,
        reorder_point=10,
        delivery=20,
    ),
    Article(
        sku="PAN-ANVIL-26",
        name="Anvil cast-iron pan, 26 cm",
        category="Cookware",
        price=Decimal("54.90"),
        barcode="9521000100046",
        image="cast-iron-pan.svg",
        description=(
            "Cast in one piece and seasoned with linseed oil, ready for the first steak. For gas, "
            "induction, oven and campfire; 2.4 kg."
        ),
        opening=36,
        orders_a_day=0.7,
        largest_order=2,
        reorder_point=8,
        delivery=18,
    ),
    Article(
        sku="BOARD-FJORD-40",
        name="Fjord oak cutting board, 40 cm",
        category="Cookware",
        price=Decimal("34.95"),
        barcode="9521000100053",
        image="cutting-board.svg",
        description=(
            "End-grain oak, oiled, with a groove for the juice and a loop of leather to hang it "
            "by. 40 by 28 by 3 cm."
        ),
        opening=48,
        orders_a_day=0.9,
        largest_order=3,
        reorder_point=15,
        delivery=30,
    ),
    Article(
        sku="LAMP-LUMEN-BRASS",
        name="Lumen desk lamp, brass",
        category="Lighting",
        price=Decimal("119.00"),
        barcode="9521000100060",
        image="desk-lamp.svg",
        description=(
            "A jointed arm of brushed brass, a shade of enamelled steel and a warm, dimmable LED "
            "of 9 W. The cable is covered with linen."
        ),
        opening=16,
        orders_a_day=0.3,
        largest_order=1,
        reorder_point=6,
        delivery=8,
    ),
    Article(
        sku="BLANKET-MOORLAND",
        name="Moorland wool blanket",
        category="Textiles",
        price=Decimal("89.00"),
        barcode="9521000100077",
        image="wool-blanket.svg",
        description=(
            "Woven from the wool of hill sheep in the colours of heather and moss, with a fringe "
            "tied by hand. 130 by 180 cm."
        ),
        opening=28,
        orders_a_day=0.5,
        largest_order=2,
        reorder_point=20,
        delivery=0,
    ),
    Article(
        sku="TOWEL-BROOK-2",
        name="Brook linen tea towels, set of 2",
        category="Textiles",
        price=Decimal("18.90"),
        barcode="9521000100084",
        image="tea-towels.svg",
        description=(
            "Half-bleached linen with a woven stripe. Dries glasses without a trace and becomes "
            "softer with every wash. Two of 50 by 70 cm."
        ),
        opening=80,
        orders_a_day=1.2,
        largest_order=4,
        reorder_point=30,
        delivery=60,
    ),
    Article(
        sku="TENT-RIDGE-2P",
        name="Ridge trail tent, 2 persons",
        category="Camping",
        price=Decimal("249.00"),
        barcode="9521000100091",
        image="trail-tent.svg",
        description=(
            "Two doors, two porches, 1.9 kg. Stands by itself, withstands a wet night on the "
            "ridge, and is put up in four minutes."
        ),
        opening=14,
        orders_a_day=0.3,
        largest_order=1,
        reorder_point=4,
        delivery=8,
    ),
    Article(
        sku="BOTTLE-SUMMIT-750",
        name="Summit insulated bottle, 750 ml",
        category="Camping",
        price=Decimal("29.90"),
        barcode="9521000100107",
        image="steel-bottle.svg",
        description=(
            "Double-walled steel that keeps tea hot for twelve hours and water cold for a day. "
            "Leakproof, without plastic where you drink."
        ),
        opening=45,
        orders_a_day=1.5,
        largest_order=4,
        reorder_point=25,
        delivery=0,
    ),
)
