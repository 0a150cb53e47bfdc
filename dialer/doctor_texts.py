"""The words of `dialer doctor`, (English, Italian); part of dialer.texts."""

DOCTOR_TEXTS: dict[str, tuple[str, str]] = {
    "doctor.level.ok": ("ok", "ok"),
    "doctor.level.note": ("look yourself", "da guardare"),
    "doctor.level.warning": ("warning", "attenzione"),
    "doctor.level.fault": ("FAULT", "GUASTO"),
    "doctor.mend": ("mend", "rimedio"),
    "doctor.line": ("line", "riga"),
    "doctor.healthy": (
        "No faults, {warnings} warnings: the dialer can run.",
        "Nessun guasto, {warnings} avvisi: il dialer può partire.",
    ),
    "doctor.ill": (
        "{faults} faults, {warnings} warnings: mend the faults before dialling.",
        "{faults} guasti, {warnings} avvisi: rimediare ai guasti prima di chiamare.",
    ),
    # --- the link ---
    "doctor.ami_up": (
        "Asterisk lets user {user} in, twice, at {host}:{port}",
        "Asterisk fa entrare l'utente {user}, due volte, su {host}:{port}",
    ),
    "doctor.ami_unreachable": (
        "Asterisk's manager interface does not answer at {host}:{port} ({problem})",
        "L'interfaccia manager di Asterisk non risponde su {host}:{port} ({problem})",
    ),
    "doctor.ami_unreachable.mend": (
        "Start Asterisk; switch the interface on; compare bindaddr and port in manager.conf with [asterisk] in dialer.toml",
        "Avviare Asterisk; attivare l'interfaccia; confrontare bindaddr e port di manager.conf con [asterisk] di dialer.toml",
    ),
    "doctor.ami_no_secret": (
        "Asterisk refuses user {user}: no secret is set for the server",
        "Asterisk rifiuta l'utente {user}: al server non è stato dato il segreto",
    ),
    "doctor.ami_no_secret.mend": (
        "Give the server the secret that stands in dialer-manager.conf",
        "Dare al server il segreto scritto in dialer-manager.conf",
    ),
    "doctor.ami_refused": (
        "Asterisk refuses user {user} at {host}:{port}",
        "Asterisk rifiuta l'utente {user} su {host}:{port}",
    ),
    "doctor.ami_refused.mend": (
        "The secret differs from DIALER_ASTERISK__SECRET, or this machine's address is not in the user's permit, "
        "or the user is not there: then add the line and reload",
        "Il segreto è diverso da DIALER_ASTERISK__SECRET, o l'indirizzo di questa macchina non è nel permit dell'utente, "
        "o l'utente non esiste: allora aggiungere la riga e ricaricare",
    ),
    "doctor.ami_one_session": (
        "Asterisk lets user {user} in once, not twice; the server needs two sessions",
        "Asterisk fa entrare l'utente {user} una volta, non due; al server servono due sessioni",
    ),
    "doctor.ami_one_session.mend": (
        "Allow the user several sessions",
        "Permettere all'utente più sessioni",
    ),
    "doctor.ami_not_encrypted": (
        "The secret and the numbers called go to {host} unencrypted",
        "Il segreto e i numeri chiamati viaggiano in chiaro verso {host}",
    ),
    "doctor.ami_not_encrypted.mend": (
        "Set tlsenable and tlsbindaddr in manager.conf, and use that port with TLS",
        "Impostare tlsenable e tlsbindaddr in manager.conf e usare quella porta con TLS",
    ),
    # --- version ---
    "doctor.version_ok": ("Asterisk {version}", "Asterisk {version}"),
    "doctor.version_20": (
        "Asterisk {version}: has what the dialer needs; the tests run on 22. Security repairs until October 2027",
        "Asterisk {version}: ha ciò che serve al dialer; le prove girano sulla 22. Correzioni di sicurezza fino a ottobre 2027",
    ),
    "doctor.version_unknown": (
        "Asterisk {version}: a version that the doctor cannot read",
        "Asterisk {version}: versione che non si riesce a leggere",
    ),
    "doctor.version_unknown.mend": (
        "See that it is 20 or 22",
        "Verificare che sia la 20 o la 22",
    ),
    "doctor.version_too_old": (
        "Asterisk {version} is too old: 18 is the least, and 16.28 the oldest that was ever tried",
        "Asterisk {version} è troppo vecchio: serve almeno la 18, e la 16.28 è la più vecchia mai provata",
    ),
    "doctor.version_too_old.mend": ("Install Asterisk 22", "Installare Asterisk 22"),
    "doctor.version_untested": (
        "Asterisk {version}: the dialer has not been tried with {major}",
        "Asterisk {version}: il dialer non è stato provato con la {major}",
    ),
    "doctor.version_untested.mend": (
        "Try it away from real people first, or take 22",
        "Provarlo prima lontano dalle persone vere, o usare la 22",
    ),
    "doctor.version_no_repairs": (
        "Asterisk {version}: its makers mend no faults in {major} any more, not even of security",
        "Asterisk {version}: per la {major} non escono più correzioni, nemmeno di sicurezza",
    ),
    "doctor.version_no_repairs.mend": (
        "The dialer works with it; plan the change to 22",
        "Il dialer funziona; prevedere il passaggio alla 22",
    ),
    "doctor.version_no_filters": (
        "Asterisk {version} ignores the event filters of dialer-manager.conf: more events come than are needed",
        "Asterisk {version} ignora i filtri di dialer-manager.conf: arrivano più eventi del necessario",
    ),
    "doctor.version_no_filters.mend": (
        "Nothing fails; for many calls take 18.26, 20.12, 21.7, 22.2 or newer",
        "Nulla si guasta; per molte chiamate usare 18.26, 20.12, 21.7, 22.2 o successive",
    ),
    # --- rights ---
    "doctor.write_classes": (
        "The user may do all that the server does",
        "L'utente può fare tutto ciò che fa il server",
    ),
    "doctor.write_class_missing": (
        "The user has no {name} right: {actions} refused",
        "L'utente non ha il permesso {name}: {actions} rifiutato",
    ),
    "doctor.write_class_missing.mend": (
        "Add {name} to the user's write line, then: manager reload",
        "Aggiungere {name} alla riga write dell'utente, poi: manager reload",
    ),
    "doctor.least_privilege": (
        "The user may not run commands or change the configuration",
        "L'utente non può eseguire comandi né cambiare la configurazione",
    ),
    "doctor.too_much": (
        "The user may do more than the server ever needs: {actions}",
        "L'utente può fare più di quanto serva: {actions}",
    ),
    "doctor.too_much.mend": (
        "Who steals the secret owns the exchange: take command, config and system away",
        "Chi ruba il segreto comanda il centralino: togliere command, config e system",
    ),
    "doctor.read_classes": (
        "The events that the server lives by arrive",
        "Arrivano gli eventi di cui il server vive",
    ),
    "doctor.read_class_missing": (
        "Events of class {name} do not arrive",
        "Gli eventi della classe {name} non arrivano",
    ),
    "doctor.read_class_missing.mend": (
        "Add {name} to the user's read line, then: manager reload",
        "Aggiungere {name} alla riga read dell'utente, poi: manager reload",
    ),
    "doctor.event_times": (
        "Events carry Asterisk's own time",
        "Gli eventi portano l'ora di Asterisk",
    ),
    "doctor.no_event_times": (
        "Events do not carry Asterisk's own time: a slow machine makes waits look longer or shorter than they were",
        "Gli eventi non portano l'ora di Asterisk: con una macchina lenta le attese sembrano diverse da come sono state",
    ),
    "doctor.no_event_times.mend": (
        "Add the line to the section, then: manager reload",
        "Aggiungere la riga alla sezione, poi: manager reload",
    ),
    "doctor.write_timeout": (
        "writetimeout cannot be read from here; its default of 100 ms ends the session when the server is busy for a moment",
        "writetimeout non si può leggere da qui; col valore iniziale di 100 ms basta un attimo di carico perché la sessione cada",
    ),
    "doctor.write_timeout.mend": (
        "See that the user has the line (dialer-manager.conf has it)",
        "Controllare che l'utente abbia la riga (dialer-manager.conf ce l'ha)",
    ),
    # --- clocks ---
    "doctor.clock": (
        "The clocks of Asterisk and of this machine agree",
        "Gli orologi di Asterisk e di questa macchina concordano",
    ),
    "doctor.clock_ahead": (
        "Asterisk's clock is {seconds} s ahead of this machine's",
        "L'orologio di Asterisk è avanti di {seconds} s su quello di questa macchina",
    ),
    "doctor.clock_ahead.mend": (
        "Calling hours are judged by this machine's clock: set both by NTP",
        "Gli orari consentiti si giudicano con l'orologio di questa macchina: regolarli entrambi con NTP",
    ),
    "doctor.clock_behind": (
        "Asterisk's clock is {seconds} s behind this machine's",
        "L'orologio di Asterisk è indietro di {seconds} s su quello di questa macchina",
    ),
    "doctor.clock_behind.mend": (
        "Calling hours are judged by this machine's clock: set both by NTP",
        "Gli orari consentiti si giudicano con l'orologio di questa macchina: regolarli entrambi con NTP",
    ),
    # --- dialplan, modules, sounds ---
    "doctor.contexts": (
        "The dialer's dialplan is loaded",
        "Il dialplan del dialer è caricato",
    ),
    "doctor.contexts_unseen": (
        "The dialplan cannot be seen: the right is missing",
        "Il dialplan non si vede: manca il permesso",
    ),
    "doctor.contexts_unseen.mend": (
        "Add reporting to the user's write line, then: manager reload",
        "Aggiungere reporting alla riga write dell'utente, poi: manager reload",
    ),
    "doctor.no_dialplan": (
        "The dialer's dialplan is not loaded: calls answered would be cut at once",
        "Il dialplan del dialer non è caricato: le chiamate risposte cadrebbero subito",
    ),
    "doctor.no_dialplan.mend": (
        "Copy dialer-extensions.conf beside the file, add the line at its end, then: dialplan reload",
        "Copiare dialer-extensions.conf accanto al file, aggiungere la riga in fondo, poi: dialplan reload",
    ),
    "doctor.contexts_missing": (
        "Parts of the dialer's dialplan are missing: {names}",
        "Mancano parti del dialplan del dialer: {names}",
    ),
    "doctor.contexts_missing.mend": (
        "The dialer-extensions.conf there is an older one or was edited: copy the one of this version, then: dialplan reload",
        "Il dialer-extensions.conf presente è vecchio o modificato: copiare quello di questa versione, poi: dialplan reload",
    ),
    "doctor.global_variables": (
        "clearglobalvars cannot be read from here; with `yes` a reload of the dialplan forgets the agents who are logged in",
        "clearglobalvars non si può leggere da qui; con `yes` un dialplan reload dimentica gli operatori collegati",
    ),
    "doctor.global_variables.mend": (
        "See that the line is there, or that the option is not set at all",
        "Controllare che la riga ci sia, o che l'opzione manchi del tutto",
    ),
    "doctor.modules": ("All {count} modules are loaded", "Tutti i {count} moduli sono caricati"),
    "doctor.modules_unseen": (
        "Which modules are loaded cannot be seen",
        "Non si vede quali moduli siano caricati",
    ),
    "doctor.modules_unseen.mend": (
        "Load func_module.so, or compare with asterisk_conf/pbx/modules.conf by hand",
        "Caricare func_module.so, oppure confrontare a mano con asterisk_conf/pbx/modules.conf",
    ),
    "doctor.module_missing": (
        "Asterisk has not loaded {name}",
        "Asterisk non ha caricato {name}",
    ),
    "doctor.module_missing.mend": (
        "Load it (with autoload = yes: take its noload away; app_amd needs an amd.conf), then: module load {name}",
        "Caricarlo (con autoload = yes: togliere il suo noload; app_amd vuole un amd.conf), poi: module load {name}",
    ),
    "doctor.sound": ("Sound {name} plays", "Il suono {name} si sente"),
    "doctor.sound_missing": (
        "Asterisk does not find the sound {name}: people would hear nothing where the law asks for a message",
        "Asterisk non trova il suono {name}: si sentirebbe silenzio dove la legge vuole un messaggio",
    ),
    "doctor.sound_missing.mend": (
        "Copy the sounds into Asterisk's data folder (`core show settings` tells it)",
        "Copiare i suoni nella cartella dati di Asterisk (la dice `core show settings`)",
    ),
    "doctor.noise": ("Comfort noise {name} plays", "Il rumore {name} si sente"),
    "doctor.noise_missing": (
        "There is no music class {name}: people would wait in silence",
        "Non c'è la classe {name}: chi aspetta sentirebbe silenzio",
    ),
    "doctor.noise_missing.mend": (
        "Add the line, copy sounds/dialer into Asterisk's data folder, then: moh reload",
        "Aggiungere la riga, copiare sounds/dialer nella cartella dati di Asterisk, poi: moh reload",
    ),
    "doctor.noise_other": (
        "There is no music class {name}: people would hear {heard} instead",
        "Non c'è la classe {name}: si sentirebbe {heard} al suo posto",
    ),
    "doctor.noise_other.mend": (
        "Add the line, copy sounds/dialer into Asterisk's data folder, then: moh reload",
        "Aggiungere la riga, copiare sounds/dialer nella cartella dati di Asterisk, poi: moh reload",
    ),
    "doctor.sounds_unseen": (
        "Not all sounds could be tried: the self-test needs the dialplan and the originate right",
        "Non tutti i suoni si sono potuti provare: servono il dialplan e il permesso originate",
    ),
    "doctor.sounds_unseen.mend": (
        "Mend what is said above, then look again",
        "Rimediare a quanto detto sopra, poi riprovare",
    ),
    # --- trunks ---
    "doctor.trunk": ("Trunk {name} is there", "Il trunk {name} c'è"),
    "doctor.trunk_missing": (
        "Asterisk has no PJSIP endpoint {name}, on which these campaigns dial: {campaigns}",
        "In Asterisk non c'è l'endpoint PJSIP {name}, su cui chiamano queste campagne: {campaigns}",
    ),
    "doctor.trunk_missing.mend": (
        "Name a trunk that is there (`pjsip show endpoints`), or add it as in dialer-pjsip-example.conf",
        "Indicare un trunk che c'è (`pjsip show endpoints`), o aggiungerlo come in dialer-pjsip-example.conf",
    ),
    "doctor.trunk_unseen": (
        "Whether trunk {name} is there cannot be seen",
        "Non si vede se il trunk {name} ci sia",
    ),
    "doctor.trunk_unseen.mend": (
        "Load func_devstate.so, or look with: pjsip show endpoints",
        "Caricare func_devstate.so, o guardare con: pjsip show endpoints",
    ),
    "doctor.trunk_silent": (
        "The other side of trunk {name} does not answer Asterisk",
        "L'altro capo del trunk {name} non risponde ad Asterisk",
    ),
    "doctor.trunk_silent.mend": (
        "Compare address, firewall and registration: pjsip show aors; it may be answering again in a minute after a start",
        "Controllare indirizzo, firewall e registrazione: pjsip show aors; dopo un avvio può bastare un minuto",
    ),
    "doctor.trunk_codecs": (
        "Trunk {name} allows {codecs} only; the messages are mu-law and carriers speak a-law or mu-law",
        "Il trunk {name} ammette solo {codecs}; i messaggi sono mu-law e gli operatori parlano a-law o mu-law",
    ),
    "doctor.trunk_codecs.mend": ("Allow one of the two", "Ammettere uno dei due"),
    "doctor.trunk_rtp_timeout": (
        "On trunk {name} a talk whose other side has died never ends",
        "Sul trunk {name} una conversazione il cui altro capo è morto non finisce mai",
    ),
    "doctor.trunk_rtp_timeout.mend": (
        "End it after 20 s without sound",
        "Chiuderla dopo 20 s senza suono",
    ),
    "doctor.trunk_timers": (
        "Trunk {name} has no session timers: a leg whose other side has died may stay for ever",
        "Il trunk {name} non ha i session timer: un ramo il cui altro capo è morto può restare per sempre",
    ),
    "doctor.trunk_timers.mend": ("Switch them on", "Attivarli"),
    "doctor.trunk_direct_media": (
        "On trunk {name} sound may go past Asterisk",
        "Sul trunk {name} l'audio può non passare per Asterisk",
    ),
    "doctor.trunk_direct_media.mend": (
        "Keep it in Asterisk: tone, recording and NAT need it there",
        "Tenerlo in Asterisk: lo vogliono tono, registrazione e NAT",
    ),
    "doctor.trunk_ice": (
        "Trunk {name} uses ICE: each call looks for addresses before it may speak",
        "Il trunk {name} usa ICE: ogni chiamata cerca indirizzi prima di poter parlare",
    ),
    "doctor.trunk_ice.mend": (
        "Only browsers need it",
        "Serve solo ai browser",
    ),
    "doctor.audio_ports": (
        "rtp.conf cannot be read from here; these lines and agents need {ports} UDP ports",
        "rtp.conf non si può leggere da qui; a queste linee e operatori servono {ports} porte UDP",
    ),
    "doctor.audio_ports.mend": (
        "See that rtpstart to rtpend hold as many and the firewall opens them; the line, unless phones are browsers",
        "Controllare che da rtpstart a rtpend bastino e il firewall le apra; la riga, salvo telefoni nel browser",
    ),
    # --- our own side ---
    "doctor.profile_unknown": (
        "Campaign {id} names a profile that is not there: {profile}",
        "La campagna {id} indica un profilo che non c'è: {profile}",
    ),
    "doctor.profile_unknown.mend": (
        "Name one of the profiles, or set profiles_folder",
        "Indicare uno dei profili, o impostare profiles_folder",
    ),
    "doctor.campaign_faulty": (
        "Campaign {id} breaks its profile {profile} and does not start: {faults}",
        "La campagna {id} viola il suo profilo {profile} e non parte: {faults}",
    ),
    "doctor.campaign_faulty.mend": (
        "dialer profiles show {profile} tells what it asks; change the campaign",
        "dialer profiles show {profile} dice che cosa chiede; cambiare la campagna",
    ),
    "doctor.no_campaigns": (
        "The settings name no campaign, so no trunk and no sound was tried",
        "Le impostazioni non hanno campagne, quindi non si è provato alcun trunk né suono",
    ),
    "doctor.no_campaigns.mend": (
        "Add the campaign with its trunk and look again",
        "Aggiungere la campagna col suo trunk e riprovare",
    ),
    "doctor.database": (
        "The database takes writes and is of this version: {place}",
        "La base dati accetta scritture ed è di questa versione: {place}",
    ),
    "doctor.database_new": (
        "The database will be made at the first start: {place}",
        "La base dati nascerà al primo avvio: {place}",
    ),
    "doctor.database_unreadable": (
        "The database cannot be used: {place} ({problem})",
        "La base dati non si può usare: {place} ({problem})",
    ),
    "doctor.database_unreadable.mend": (
        "Correct the address; the folder of a file must exist, a PostgreSQL server must be reachable",
        "Correggere l'indirizzo; la cartella di un file deve esistere, un server PostgreSQL dev'essere raggiungibile",
    ),
    "doctor.database_read_only": (
        "The database takes no writes, so nothing may ring: {place} ({problem})",
        "La base dati non accetta scritture, quindi non si chiama: {place} ({problem})",
    ),
    "doctor.database_read_only.mend": (
        "Give the server's user the right to write to the file and its folder",
        "Dare all'utente del server il permesso di scrivere il file e la sua cartella",
    ),
    "doctor.database_newer": (
        "The database was made by a newer version of the dialer ({revision}): {place}",
        "La base dati è di una versione più nuova del dialer ({revision}): {place}",
    ),
    "doctor.database_newer.mend": (
        "Install that version, or use another database",
        "Installare quella versione, o usare un'altra base dati",
    ),
    "doctor.database_older": (
        "The database is of an older version ({revision}): {place}",
        "La base dati è di una versione precedente ({revision}): {place}",
    ),
    "doctor.database_older.mend": (
        "The next start brings it up to date by itself: copy it first",
        "Il prossimo avvio la aggiorna da solo: prima farne una copia",
    ),
    "doctor.disk_full": (
        "{mib} MiB are free where the database lies: {place}",
        "Sono liberi {mib} MiB dove sta la base dati: {place}",
    ),
    "doctor.disk_full.mend": (
        "Free some space: when a write fails, dialling stops",
        "Liberare spazio: quando una scrittura fallisce, le chiamate si fermano",
    ),
    "doctor.pacing_log": (
        "The pacing log can be written in {folder}",
        "Il registro del ritmo può essere scritto in {folder}",
    ),
    "doctor.pacing_log_unwritable": (
        "The pacing log cannot be written in {folder} ({problem}): why a call was placed would not be known",
        "Il registro del ritmo non può essere scritto in {folder} ({problem}): non si saprebbe perché una chiamata è partita",
    ),
    "doctor.pacing_log_unwritable.mend": (
        "Free some space on that disk, or give the folder to the dialer's user; or name another folder under [pacing_log]",
        "Liberare spazio su quel disco, o dare la cartella all'utente del dialer; o indicarne un'altra in [pacing_log]",
    ),
    "doctor.redis": (
        "Redis answers, and lets the server do what it needs: {place}",
        "Redis risponde, e permette al server ciò che gli serve: {place}",
    ),
    "doctor.redis_away": (
        "Redis does not answer: {place} ({problem})",
        "Redis non risponde: {place} ({problem})",
    ),
    "doctor.redis_away.mend": (
        "Start it, or correct the address; the server dials all the same, but cannot answer for other servers",
        "Avviarlo, o correggere l'indirizzo; il server chiama comunque, ma non può rispondere per gli altri server",
    ),
    "doctor.redis_refused": (
        "Redis refuses what the server needs: {place} ({problem})",
        "Redis rifiuta ciò che serve al server: {place} ({problem})",
    ),
    "doctor.redis_refused.mend": (
        "Correct user and password in DIALER_REDIS__URL, or give the user the rights that docs/howto/two-servers.md lists",
        "Correggere utente e password in DIALER_REDIS__URL, o dare all'utente i permessi elencati in docs/howto/two-servers.md",
    ),
    "doctor.api_free": ("Port {port} of {host} is free", "La porta {port} di {host} è libera"),
    "doctor.api_ours": (
        "A dialer is running at {host}:{port}",
        "Un dialer è in funzione su {host}:{port}",
    ),
    "doctor.api_taken": (
        "The API cannot have {host}:{port} ({problem})",
        "L'API non può avere {host}:{port} ({problem})",
    ),
    "doctor.api_taken.mend": (
        "Another program has it, or the address is not this machine's: choose another",
        "La usa un altro programma, o l'indirizzo non è di questa macchina: sceglierne un'altra",
    ),
}
