"""Units and factors that stand behind a number, as English, French and German write them."""

from __future__ import annotations

UNITS = {
    name: unit
    for unit, names in {
        "percent": "% percent pct prozent",
        "euro": "€ eur euro euros",
        "dollar": "$ usd dollar dollars",
        "pound": "£ gbp pound pounds livre livres pfund",
        "franc": "chf franc francs franken",
        "kilogram": "kg kilogram kilograms kilogramme kilogrammes kilogramm",
        "gram": "g gram grams gramme grammes gramm",
        "milligram": "mg milligram milligrams milligramme milligrammes milligramm",
        "microgram": "µg mcg microgram micrograms microgramme microgrammes mikrogramm",
        "kilometre": "km kilometre kilometres kilometer kilometers",
        "metre": "metre metres meter meters mètre mètres",
        "centimetre": "cm centimetre centimetres centimeter centimeters centimètre centimètres zentimeter",
        "millimetre": "mm millimetre millimetres millimeter millimeters millimètre millimètres",
        "litre": "l litre litres liter liters",
        "millilitre": "ml millilitre millilitres milliliter milliliters",
        "terabyte": "tb to terabyte terabytes téraoctet téraoctets",
        "gigabyte": "gb go gigabyte gigabytes gigaoctet gigaoctets",
        "megabyte": "mb mo megabyte megabytes mégaoctet mégaoctets",
        "kilobyte": "kb ko kilobyte kilobytes kilooctet kilooctets",
        "gibibyte": "gib gio",
        "mebibyte": "mib",
        "kibibyte": "kib kio",
        "byte": "byte bytes octet octets",
        "millisecond": "ms millisecond milliseconds milliseconde millisecondes millisekunde millisekunden",
        "second": "s sec secs second seconds seconde secondes sekunde sekunden",
        "minute": "min mins minute minutes minuten",
        "hour": "h hr hrs hour hours heure heures stunde stunden",
        "day": "day days jour jours tag tage tagen",
        "week": "week weeks semaine semaines woche wochen",
        "month": "month months mois monat monate monaten",
        "year": "year years an ans année années jahr jahre jahren",
        "kilowatthour": "kwh",
        "kilowatt": "kw",
        "watt": "w watt watts",
        "volt": "v volt volts",
        "hertz": "hz",
        "megahertz": "mhz",
        "gigahertz": "ghz",
        "celsius": "°c",
        "fahrenheit": "°f",
        "degree": "° degree degrees degré degrés grad",
    }.items()
    for name in names.casefold().split()
}
"""Each unit by what it is written as, case folded, with its accents."""

SHORTER = {"week": (7, "day"), "year": (12, "month")}
"""Of each unit that is said in a shorter one as well, how many of that it has, and which."""

CAPITALS = frozenset({"to", "go", "mo", "gio", "gib", "v", "w", "grad"})
"""Of those, the ones that are units only with a capital: else they are words of the language."""

FACTORS = {
    name: zeros
    for zeros, names in {
        3: "thousand tausend mille k",
        6: "million millions mio millionen m",
        9: "billion billions milliard milliards milliarde milliarden mrd md",
    }.items()
    for name in names.split()
}
"""How many zeros each adds to the number before it; `k`, `m` and `md` do before a currency's sign."""

MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan janvier janv januar jänner",
            "february feb février févr februar",
            "march mar mars märz",
            "april apr avril avr",
            "may mai",
            "june jun juin juni",
            "july jul juillet juil juli",
            "august aug août",
            "september sept sep septembre",
            "october oct octobre oktober okt",
            "november nov novembre",
            "december dec décembre déc dezember dez",
        ),
        1,
    )
    for name in names.split()
}
"""The months by their names, in lower case, with their accents."""

SPELT = {
    name: str(number)
    for number, names in enumerate(
        (
            "two deux zwei", "three trois drei", "four quatre vier", "five cinq fünf", "six sechs",
            "seven sept sieben", "eight huit acht", "nine neuf neun", "ten dix zehn",
            "eleven onze elf", "twelve douze zwölf",
            "thirteen treize dreizehn", "fourteen quatorze vierzehn", "fifteen quinze fünfzehn",
            "sixteen seize sechzehn", "seventeen dix-sept siebzehn", "eighteen dix-huit achtzehn",
            "nineteen dix-neuf neunzehn", "twenty vingt zwanzig",
        ),
        2,
    )
    for name in names.split()
}  # fmt: skip
"""Numbers in words, up to which they are written so before a unit."""
