"""Texts of imports and exports of leads: English, Italian. And in Italian what is said of a row or a file that cannot be used."""

import re

IMPORT_TEXTS: dict[str, tuple[str, str]] = {
    "import.reading": ("reading", "lettura"),
    "import.progress": ("{rows} rows: {summary}", "{rows} righe: {summary}"),
    "import.share": ("{said} ({share} of the file)", "{said} ({share} del file)"),
    "import.summary": (
        "{added} added, {duplicates} duplicates, {rejected} rejected",
        "{added} aggiunti, {duplicates} doppioni, {rejected} scartati",
    ),
    "import.row": ("line {line}: {field}: {problem}", "riga {line}: {field}: {problem}"),
    "import.rejected_in_all": (
        "... {rejected} rejected in all",
        "... {rejected} scartati in tutto",
    ),
    "import.report": ("rejected rows: {file}", "righe scartate: {file}"),
    "import.column": ("column {heading}: {meaning}", "colonna {heading}: {meaning}"),
    "import.would_add": ("line {line}: would be added", "riga {line}: sarebbe aggiunta"),
    "import.is_duplicate": ("line {line}: is a duplicate", "riga {line}: è un doppione"),
    "import.nothing_written": (
        "preview of {rows} rows, nothing was written",
        "anteprima di {rows} righe, nulla è stato scritto",
    ),
    "export.done": ("{file}: {count} leads", "{file}: {count} contatti"),
}

PROBLEMS: tuple[tuple[str, str], ...] = (
    (r"is empty", r"è vuoto"),
    (r"is not a telephone number", r"non è un numero di telefono"),
    (r"is not a valid telephone number", r"non è un numero di telefono valido"),
    (
        r"is an emergency number, which is never called",
        r"è un numero di emergenza, che non si chiama mai",
    ),
    (
        r"is the short number of a service, which is never called",
        r"è il numero breve di un servizio, che non si chiama mai",
    ),
    (
        r"is a premium-rate number, which is never called",
        r"è un numero a sovrapprezzo, che non si chiama mai",
    ),
    (
        r"is a number at a special rate, which is never called",
        r"è un numero a tariffa speciale, che non si chiama mai",
    ),
    (r"is a pager, which is never called", r"è un cercapersone, che non si chiama mai"),
    (r"is a voicemail service, which is never called", r"è una segreteria, che non si chiama mai"),
    (
        r"was shortened by a spreadsheet to powers of ten, and digits are lost: .*",
        r"è stato abbreviato da un foglio di calcolo in potenze di dieci, e mancano cifre: dare alla colonna il formato testo"
        r" ed esportare di nuovo",
    ),
    (
        r"ends in a decimal zero that a spreadsheet added: .*",
        r"finisce con uno zero decimale aggiunto da un foglio di calcolo: dare alla colonna il formato testo"
        r" ed esportare di nuovo",
    ),
    (r"has an extension, which cannot be dialled", r"ha un interno, che non si può comporre"),
    (r"holds letters", r"contiene lettere"),
    (r"holds a control character", r"contiene un carattere di controllo"),
    (r"holds half of a character", r"contiene mezzo carattere"),
    (r"holds a list or an object", r"contiene un elenco o un oggetto"),
    (r"is longer than ([\d,]+) characters", r"supera i \1 caratteri"),
    (r"is larger than 131,072 characters", r"supera i 131.072 caratteri"),
    (r"is missing, and the number does not tell it", r"manca, e il numero non lo dice"),
    (
        r"is missing, and the country of the number has several",
        r"manca, e il paese del numero ne ha più d'uno",
    ),
    (r"is not an IANA time zone", r"non è un fuso orario IANA"),
    (r"is not a whole number", r"non è un numero intero"),
    (r"is too large", r"è troppo grande"),
    (r"is not a number", r"non è un numero"),
    (r"is not a date", r"non è una data"),
    (r"has more cells than the first line", r"ha più celle della prima riga"),
    (r"has a quotation mark that is never closed", r"ha virgolette mai chiuse"),
    (r"is not readable as CSV", r"non è leggibile come CSV"),
    (r"is not a JSON object on one line", r"non è un oggetto JSON su una riga"),
    (r"has one key twice", r"ha una chiave due volte"),
    (
        r"is a formula, which is not worked out: paste its value in its place",
        r"è una formula, che non viene calcolata: incollare al suo posto il valore",
    ),
    (r"is an error of the spreadsheet", r"è un errore del foglio di calcolo"),
    (r"refers to a text that is not there", r"rimanda a un testo che non c'è"),
    (
        r"the first line names no column of telephone numbers",
        r"la prima riga non nomina una colonna di numeri di telefono",
    ),
    (
        r"the first line names more than one such column",
        r"la prima riga nomina più di una colonna del genere",
    ),
    (
        r"the first line has no column (.*); there are: (.*)",
        r"la prima riga non ha la colonna \1; ci sono: \2",
    ),
    (r"the first line has more than one column (.*)", r"la prima riga ha più di una colonna \1"),
    (r"the column (.*) has two meanings", r"la colonna \1 ha due significati"),
    (r"nobody knows what they mean: (.*)", r"non si sa che cosa significano: \1"),
    (
        r"is written MEANING=HEADING, such as phone=Telefono",
        r"si scrive SIGNIFICATO=INTESTAZIONE, come phone=Telefono",
    ),
    (
        r"(.*) is no meaning of a column; there are: (.*)",
        r"\1 non è un significato di colonna; ci sono: \2",
    ),
    (r"is a damaged workbook", r"è una cartella di lavoro danneggiata"),
    (r"is a ZIP archive, but no .xlsx workbook", r"è un archivio ZIP, ma non una cartella .xlsx"),
    (r"is a workbook without a visible sheet", r"è una cartella senza un foglio visibile"),
    (r"swells too much when it is unpacked", r"si gonfia troppo quando viene estratto"),
    (
        r"declares a document type, which no workbook does",
        r"dichiara un tipo di documento, cosa che nessuna cartella fa",
    ),
    (r"has a cell that is too long", r"ha una cella troppo lunga"),
    (
        r"has more parts than a workbook may have",
        r"ha più parti di quante una cartella possa averne",
    ),
    (r"has a password: save it without one", r"ha una password: salvarlo senza"),
    (
        r"is an old workbook \(.xls\) or has a password: save it as .xlsx without one",
        r"è una vecchia cartella (.xls) o ha una password: salvarla come .xlsx senza password",
    ),
    (
        r"is one JSON array: write one object on each line, without brackets around",
        r"è un solo vettore JSON: scrivere un oggetto per riga, senza parentesi quadre",
    ),
    (r"has more than (\d+) different keys", r"ha più di \1 chiavi diverse"),
    (
        r"(is a PDF|is a database); give CSV, XLSX or JSON lines",
        r"non è un elenco: dare CSV, XLSX o righe JSON",
    ),
    (
        r"is compressed with gzip: unpack it; give CSV, XLSX or JSON lines",
        r"è compresso con gzip: estrarlo; dare CSV, XLSX o righe JSON",
    ),
    (
        r"is a text document \(RTF\); give CSV, XLSX or JSON lines",
        r"è un documento di testo (RTF); dare CSV, XLSX o righe JSON",
    ),
    (
        r"was changed while it was imported; import it again",
        r"è cambiato durante l'importazione; importarlo di nuovo",
    ),
    (
        r"a campaign has a number once, whatever the list: list goes with external_id",
        r"una campagna ha un numero una volta sola, in qualunque lista: list si usa con external_id",
    ),
    (r"is neither yes nor no", r"non è né sì né no"),
    (r"has a heading that is too long", r"ha un'intestazione troppo lunga"),
    (r"are more than (\d+)", r"sono più di \1"),
    (
        r"the file has no such column of its own: (.*)",
        r"il file non ha una tale colonna propria: \1",
    ),
    (
        r"is written HEADING=KIND, the kinds being: (.*)",
        r"si scrive INTESTAZIONE=TIPO, e i tipi sono: \1",
    ),
    (r"is there already", r"c'è già"),
    (r"is to be in a folder that is not there", r"andrebbe in una cartella che non c'è"),
    (r"its first line (.*)", r"la sua prima riga \1"),
    (r"cannot be read: (.*)", r"non si può leggere: \1"),
)
"""English (an expression for the whole sentence), Italian. What stands here not is shown in English."""


def in_italian(problem: str) -> str:
    for english, italian in PROBLEMS:
        found = re.fullmatch(english, problem)
        if found and english.startswith("its first line"):
            return italian.replace(r"\1", in_italian(found[1]))
        if found:
            return found.expand(italian)
    return problem
