"""Questions and their answers, by which an embedding model shows whether it reads a language.

The same twelve matters in each language; a question and its answer share next to no words, so that only who
understands both sees that they belong together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Pair(NamedTuple):
    """A question, and what answers it."""

    question: str
    answer: str


PAIRS: Mapping[str, tuple[Pair, ...]] = {
    "en": (
        Pair(
            "How do I get my money back for shoes that don't fit?",
            "Footwear of the wrong size can be returned within thirty days for a full refund.",
        ),
        Pair(
            "Who should I call when the heating breaks down at night?",
            "After hours, faults of the boiler are reported to the caretaker's emergency number.",
        ),
        Pair(
            "When may the baby start eating solid food?",
            "From about six months on, infants can be given mashed vegetables with a spoon.",
        ),
        Pair(
            "Why does the car make a noise when I brake?",
            "Worn pads scrape against the metal disc and squeal as the vehicle slows down.",
        ),
        Pair(
            "How many days off do new employees have?",
            "In their first year, staff are entitled to twenty-five days of annual leave.",
        ),
        Pair(
            "What does it cost to send a parcel abroad?",
            "Postage for packages to other countries depends on weight and destination.",
        ),
        Pair(
            "Which trees keep their leaves in winter?",
            "Pines, firs and holly are evergreen and stay green through the cold season.",
        ),
        Pair(
            "How can I see who changed a file?",
            "The version history lists each edit of a document along with its author.",
        ),
        Pair(
            "What is the fastest way to lose weight?",
            "Those who want to become slimmer should eat fewer calories and exercise more.",
        ),
        Pair(
            "Where did the war begin?",
            "The fighting broke out at the eastern border, when troops crossed the river.",
        ),
        Pair(
            "How does the moon cause the tides?",
            "Lunar gravity pulls at the oceans, so that the sea rises and falls twice a day.",
        ),
        Pair(
            "Is my password stored safely?",
            "Credentials are kept as salted hashes and can't be read by anybody.",
        ),
    ),
    "fr": (
        Pair(
            "Comment me faire rembourser des chaussures trop petites ?",
            "Les souliers qui ne sont pas à votre taille peuvent être rendus sous trente jours contre"
            " leur prix d'achat.",
        ),
        Pair(
            "Qui appeler si le chauffage tombe en panne la nuit ?",
            "En dehors des horaires, les défauts de la chaudière sont signalés au numéro d'urgence du"
            " gardien.",
        ),
        Pair(
            "Quand le bébé peut-il commencer à manger des aliments solides ?",
            "À partir de six mois environ, on peut donner au nourrisson des légumes écrasés à la cuillère.",
        ),
        Pair(
            "Pourquoi la voiture fait-elle du bruit quand je freine ?",
            "Des plaquettes usées frottent contre le disque et grincent lorsque le véhicule ralentit.",
        ),
        Pair(
            "Combien de jours de congé les nouveaux employés ont-ils ?",
            "La première année, le personnel a droit à vingt-cinq jours de vacances.",
        ),
        Pair(
            "Que coûte l'envoi d'un colis à l'étranger ?",
            "L'affranchissement des paquets vers d'autres pays dépend du poids et de la destination.",
        ),
        Pair(
            "Quels arbres gardent leurs feuilles en hiver ?",
            "Les pins, les sapins et le houx restent verts pendant la saison froide.",
        ),
        Pair(
            "Comment voir qui a modifié un fichier ?",
            "L'historique des versions indique chaque changement d'un document avec son auteur.",
        ),
        Pair(
            "Quel est le moyen le plus rapide de perdre du poids ?",
            "Pour maigrir, il faut absorber moins de calories et faire davantage de sport.",
        ),
        Pair(
            "Où la guerre a-t-elle commencé ?",
            "Les combats ont éclaté à la frontière orientale, quand les troupes ont franchi le fleuve.",
        ),
        Pair(
            "Comment la lune provoque-t-elle les marées ?",
            "L'attraction lunaire tire sur les océans, si bien que la mer monte et descend deux fois"
            " par jour.",
        ),
        Pair(
            "Mon mot de passe est-il conservé en sécurité ?",
            "Les identifiants sont gardés sous forme d'empreintes salées que personne ne peut lire.",
        ),
    ),
    "de": (
        Pair(
            "Wie bekomme ich mein Geld für Schuhe zurück, die nicht passen?",
            "Fußbekleidung in falscher Größe kann binnen dreißig Tagen gegen volle Erstattung"
            " zurückgegeben werden.",
        ),
        Pair(
            "Wen rufe ich an, wenn nachts die Heizung ausfällt?",
            "Außerhalb der Öffnungszeiten werden Störungen des Kessels der Notrufnummer des"
            " Hausmeisters gemeldet.",
        ),
        Pair(
            "Ab wann darf das Baby feste Nahrung essen?",
            "Mit etwa sechs Monaten kann man Säuglingen zerdrücktes Gemüse mit dem Löffel geben.",
        ),
        Pair(
            "Warum macht das Auto beim Bremsen ein Geräusch?",
            "Abgenutzte Beläge schleifen an der Scheibe und quietschen, wenn das Fahrzeug langsamer wird.",
        ),
        Pair(
            "Wie viele freie Tage haben neue Mitarbeiter?",
            "Im ersten Jahr stehen dem Personal fünfundzwanzig Tage Urlaub zu.",
        ),
        Pair(
            "Was kostet es, ein Paket ins Ausland zu schicken?",
            "Das Porto für Sendungen in andere Länder hängt von Gewicht und Ziel ab.",
        ),
        Pair(
            "Welche Bäume behalten im Winter ihre Blätter?",
            "Kiefern, Tannen und Stechpalmen sind immergrün und bleiben es in der kalten Jahreszeit.",
        ),
        Pair(
            "Wie sehe ich, wer eine Datei geändert hat?",
            "Der Versionsverlauf nennt jede Bearbeitung eines Dokuments samt ihrem Verfasser.",
        ),
        Pair(
            "Wie nimmt man am schnellsten ab?",
            "Wer schlanker werden will, sollte weniger Kalorien essen und mehr Sport treiben.",
        ),
        Pair(
            "Wo begann der Krieg?",
            "Die Kämpfe brachen an der östlichen Grenze aus, als Truppen den Fluss überquerten.",
        ),
        Pair(
            "Wie verursacht der Mond die Gezeiten?",
            "Die Anziehungskraft des Trabanten zieht an den Ozeanen, so dass das Meer zweimal täglich"
            " steigt und fällt.",
        ),
        Pair(
            "Ist mein Passwort sicher gespeichert?",
            "Zugangsdaten werden als gesalzene Hashwerte aufbewahrt und können von niemandem gelesen werden.",
        ),
    ),
}
