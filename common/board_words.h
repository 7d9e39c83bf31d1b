/*
 * board_words - every word of the dashboard's own, once in each language: French, English. What else is said comes from digest_words and
 * report_words.
 */
#ifndef DUNNINGD_COMMON_BOARD_WORDS_H
#define DUNNINGD_COMMON_BOARD_WORDS_H

#define BOARD_WORDS(X) \
	X(TODAY, "Aujourd’hui", "Today") \
	X(INVOICES, "Factures", "Invoices") \
	X(TASKS, "À faire", "To do") \
	X(POLICIES, "Protocoles", "Policies") \
	X(HEALTH, "Santé", "Health") \
	X(SKIP, "Aller au contenu", "Skip to the content") \
	X(MENU, "Navigation", "Navigation") \
	X(OTHER_LANGUAGE, "English", "Français") \
	X(SIGN_IN, "Se connecter", "Sign in") \
	X(SIGN_OUT, "Se déconnecter", "Sign out") \
	X(SIGN_IN_LEAD, "Le tableau de bord de vos relances. Il s’ouvre avec votre jeton.", \
		"The dashboard of your reminders. It opens with your token.") \
	X(TOKEN, "Jeton", "Token") \
	X(TOKEN_WRONG, "Ce jeton n’ouvre rien.", "This token opens nothing.") \
	X(READ_ONLY, "lecture seule", "read only") \
	X(BUSY, "Un instant", "One moment") \
	X(BUSY_TEXT, "Trop de demandes à la fois. Réessayez dans une minute.", "Too many requests at once. Try again in a minute.") \
	X(NOT_FOUND, "Rien ici", "Nothing here") \
	X(NOT_FOUND_TEXT, "Cette page n’existe pas, ou ce qu’elle montrait est effacé.", \
		"There is no such page, or what it showed is erased.") \
	X(NOT_ALLOWED, "Lecture seule", "Read only") \
	X(NOT_ALLOWED_TEXT, "Votre jeton permet de lire, pas d’agir.", "Your token is for reading, not for acting.") \
	X(AGAIN, "Recommencez", "Once more") \
	X(AGAIN_TEXT, "Ce formulaire a expiré ou ne vient pas d’ici. Rien n’a été fait.", \
		"This form is too old, or not from here. Nothing was done.") \
	X(AWAY, "Redis ne répond pas", "Redis does not answer") \
	X(AWAY_TEXT, "Les chiffres ne peuvent être lus en ce moment, et rien n’a été fait. Réessayez dans un instant.", \
		"The figures cannot be read just now, and nothing was done. Try again in a moment.") \
	X(READING_BOOK, "Les factures sont en cours de lecture", "The book is being read") \
	X(READING_BOOK_TEXT, "Cette page se recharge d’elle-même.", "This page loads again by itself.") \
	X(BACK, "Retour", "Back") \
	/* today */ \
	X(WELL, "Tout va bien", "All is well") \
	X(WELL_TEXT, "Les relances partent à leur heure.", "Reminders go out at their hour.") \
	X(ATTENTION, "Une chose demande votre attention", "One thing needs your attention") \
	X(ATTENTIONS, "{} choses demandent votre attention", "{} things need your attention") \
	X(SHADOW, "Mode fantôme\u00a0: tout va dans le dossier de sortie, rien ne part.", "Shadow mode: all goes to the outbox, nothing leaves.") \
	X(AS_OF, "Chiffres de {}", "Figures as of {}") \
	X(SENT_TODAY, "Envoyé aujourd’hui", "Sent today") \
	X(NEEDS_YOU, "Vous attend", "Needs you") \
	X(HELD, "Suspendu", "Held") \
	X(FAILED, "N’a atteint personne", "Reached nobody") \
	X(FOLLOWED, "Factures suivies", "Invoices followed") \
	X(NOTHING_SENT, "Rien encore aujourd’hui.", "Nothing yet today.") \
	X(NOTHING_WAITS, "Rien ne vous attend.", "Nothing waits for you.") \
	X(NOTHING_HELD, "Rien n’est suspendu.", "Nothing is held.") \
	X(ALL_REACHED, "Chaque relance a trouvé son destinataire.", "Every reminder found its reader.") \
	X(AND_MORE, "et {} autres", "and {} more") \
	X(ALL_TASKS, "Tout voir", "See all") \
	X(WHY_HELD, "Suspendu, et pourquoi", "Held, and why") \
	X(QUEUE, "À venir, heure par heure", "Coming up, hour by hour") \
	X(QUEUE_NOTE, "Étapes dues et délais, dans votre fuseau. Les heures d’ouverture des débiteurs et les plafonds peuvent encore les décaler.", \
		"Steps owed and deadlines, in your time zone. Debtors’ hours and caps may still move them.") \
	X(COLON, "{}\u00a0: {}", "{}: {}") \
	X(STEPS_N, "{} étapes", "{} steps") \
	X(STEPS_0, "rien", "nothing") \
	X(STEPS_1, "1 étape", "1 step") \
	X(AGING, "Créances par ancienneté", "Receivables by age") \
	X(AGE_0, "Non échues", "Not due") \
	X(AGE_1, "1 à 30 jours", "1 to 30 days") \
	X(AGE_2, "31 à 60 jours", "31 to 60 days") \
	X(AGE_3, "61 à 90 jours", "61 to 90 days") \
	X(AGE_4, "Plus de 90 jours", "Over 90 days") \
	X(TOTAL, "Total", "Total") \
	X(AMOUNT, "Montant", "Amount") \
	X(AGE, "Retard", "Past due") \
	X(MORE_CURRENCIES, "D’autres monnaies ne sont pas dans ces chiffres.", "Other currencies are left out of these figures.") \
	X(DSO, "Délai moyen de paiement (DSO)", "Days sales outstanding (DSO)") \
	X(DSO_NOTE, "Créances sur 90 jours facturés, aux douze dernières fins de mois et aujourd’hui.", \
		"Receivables over 90 days of billing, at the last twelve month ends and today.") \
	X(DSO_DAYS, "{} jours", "{} days") \
	X(DSO_FIGURES, "Les chiffres", "The figures") \
	X(MONTH_END, "Au", "As of") \
	X(NO_BILLING, "rien de facturé", "nothing billed") \
	X(NOTHING_OWED, "Rien n’est dû.", "Nothing is owed.") \
	X(TOO_LARGE, "Sommes trop grandes pour être dites.", "Sums too large to be told.") \
	X(EXPECTED, "Attendu d’ici une semaine", "Expected within a week") \
	X(NOTHING_EXPECTED, "Aucune promesse, échéance de plan ni accord d’ici une semaine.", \
		"No promise, instalment or settlement within a week.") \
	X(BROKEN, "Non tenu aujourd’hui", "Not kept today") \
	/* lists */ \
	X(SEARCH, "Chercher", "Search") \
	X(SEARCH_LABEL, "Facture, client ou nom", "Invoice, customer or name") \
	X(ALL, "Toutes", "All") \
	X(STATE_HELD, "Suspendues", "Held") \
	X(STATE_WAITS, "Chez une personne", "With a person") \
	X(STATE_DOUBT, "Incertaines", "In doubt") \
	X(STATE_CLOSED, "Closes", "Closed") \
	X(SHOWN, "Lesquelles", "Which") \
	X(INVOICE, "Facture", "Invoice") \
	X(CUSTOMER, "Client", "Customer") \
	X(CUSTOMERS, "Clients", "Customers") \
	X(DUE_ON, "Échéance", "Due") \
	X(BALANCE, "Reste dû", "Balance") \
	X(NEXT, "Ensuite", "Next") \
	X(WHEN, "Quand", "When") \
	X(MORE, "Suite", "More") \
	X(SEARCH_ON, "Chercher plus loin", "Search further") \
	X(SEARCHED, "{} documents lus.", "{} documents read.") \
	X(NONE_MATCH, "Aucune facture ne correspond.", "No invoice matches.") \
	X(SOONEST, "La prochaine action d’abord", "Soonest action first") \
	X(PARTITION, "Partition {}", "Partition {}") \
	X(UNTIL, "Jusqu’au", "Until") \
	X(ABOUT, "Sujet", "About") \
	X(ACT, "Agir", "Act") \
	/* an invoice */ \
	X(WHAT_NEXT, "Et ensuite\u00a0?", "What comes next") \
	X(NEXT_HELD, "Suspendu jusqu’au {}\u00a0: {}.", "Held until {}: {}.") \
	X(NEXT_BUSY, "L’étape {} est en train de partir.", "Step {} is being sent.") \
	X(NEXT_RESOLVE, "L’étape {} est peut-être partie\u00a0; on le vérifie le {}.", "Step {} may have been sent; that is looked into on {}.") \
	X(NEXT_TASK, "L’étape {} attend une personne, jusqu’au {}.", "Step {} waits for a person, until {}.") \
	X(NEXT_GATE_END, "L’étape {} attend une décision\u00a0; elle est redemandée le {}.", "Step {} waits for a decision; it is asked again on {}.") \
	X(NEXT_SKIP, "L’étape {} sera omise\u00a0: {}.", "Step {} will be left out: {}.") \
	X(NEXT_GATE, "L’étape {} demandera une décision le {}.", "Step {} will ask for a decision on {}.") \
	X(NEXT_CONTACT, "L’étape {} part le {}.", "Step {} goes out on {}.") \
	X(NEXT_ASIDE, "Un message hors protocole ({}) part le {}.", "A message beside the ladder ({}) goes out on {}.") \
	X(NEXT_CLOSED, "Close ({})\u00a0: plus rien ne se passe.", "Closed ({}): nothing happens any more.") \
	X(NEXT_STUB, "La facture elle-même n’est pas encore arrivée.", "The invoice itself has not come yet.") \
	X(NUMBER, "Numéro", "Number") \
	X(ISSUED, "Émise", "Issued") \
	X(AMOUNT_TOTAL, "Total", "Total") \
	X(PAID, "Payé", "Paid") \
	X(CREDITED, "Avoirs", "Credited") \
	X(STATE, "État", "State") \
	X(POLICY, "Protocole", "Policy") \
	X(STEPS_WALKED, "Étapes parcourues", "Steps walked") \
	X(NO_STEP, "Aucune encore.", "None yet.") \
	X(STEP, "Étape", "Step") \
	X(END_SENT, "envoyée", "sent") \
	X(END_DONE, "faite", "done") \
	X(END_SKIPPED, "omise", "left out") \
	X(HOLDS, "Suspensions", "Holds") \
	X(FACTS, "Ce qui a été dit", "What was told") \
	X(WITHDRAWN, "levé", "ended") \
	X(SINCE, "depuis le", "since") \
	X(BY, "par", "by") \
	X(WITH_CUSTOMER, "Échanges avec ce client", "Correspondence with this customer") \
	/* what is done */ \
	X(DO_HOLD, "Suspendre", "Hold") \
	X(DO_RESUME, "Reprendre", "Resume") \
	X(DO_DONE, "C’est fait", "It is done") \
	X(ENDS_BY, "Se termine par\u00a0:", "Ends by:") \
	X(DO_DECIDE, "Décider", "Decide") \
	X(HOLD_LEAD, "Personne ne sera relancé pour cette facture, jusqu’à la date que vous donnez, trente jours sinon.", \
		"Nobody is contacted about this invoice until the day that you give, or for thirty days.") \
	X(RESUME_LEAD, "Les suspensions posées sur cette facture prennent fin. Celles qui découlent de faits (litige, promesse) restent.", \
		"The holds that were put on this invoice end. Those that follow from facts (a dispute, a promise) stay.") \
	X(DONE_LEAD, "Cette tâche est faite\u00a0: dites ce qui en est sorti.", "This task is done: say what came of it.") \
	X(DECIDE_LEAD, "Cette étape attend votre décision.", "This step waits for your decision.") \
	X(DECIDE_DOUBT_LEAD, "Nul ne sait si ce message est parti. Le savez-vous\u00a0?", "Nobody knows whether this message was sent. Do you?") \
	X(WHY, "Pourquoi", "Why") \
	X(WHAT_CAME, "Ce qui en est sorti", "What came of it") \
	X(WHY_HINT, "Inscrit au journal de preuve, avec votre nom.", "It stands in the trail, with your name.") \
	X(UNTIL_DAY, "Jusqu’à ce jour compris", "Until this day, included") \
	X(OPTIONAL, "facultatif", "optional") \
	X(WHO, "Votre nom", "Your name") \
	X(DECISION, "Votre décision", "Your decision") \
	X(DECIDE_PURSUE, "Poursuivre\u00a0: le protocole continue", "Pursue: the ladder goes on") \
	X(DECIDE_SETTLE, "Transiger\u00a0: proposer un accord", "Settle: make an offer") \
	X(DECIDE_WRITE_OFF, "Passer en perte", "Write off as a loss") \
	X(DECIDE_STOP, "Arrêter pour de bon", "Stop for good") \
	X(DECIDE_SENT, "Il est parti", "It was sent") \
	X(DECIDE_NOT_SENT, "Il n’est pas parti", "It was not sent") \
	X(TOLD, "C’est transmis\u00a0: le service l’applique dans la seconde.", "Told: the daemon applies it within a second.") \
	X(MISSING, "Ce champ est nécessaire, sur une ligne.", "This field is needed, in one line.") \
	X(BAD_DAY, "Donnez un jour à venir.", "Give a day to come.") \
	X(CHOOSE, "Choisissez une réponse.", "Choose an answer.") \
	X(NOT_ASKED, "Cela ne se demande pas en ce moment", "That is not asked just now") \
	X(NOT_ASKED_TEXT, "La facture ou la tâche a changé entre-temps.", "The invoice or the task has changed meanwhile.") \
	X(CANCEL, "Annuler", "Cancel") \
	/* a debtor */ \
	X(OPEN_INVOICES, "Factures ouvertes", "Open invoices") \
	X(NO_OPEN_INVOICE, "Aucune facture ouverte.", "No open invoice.") \
	X(CONTACTS, "Interlocuteurs", "Contacts") \
	X(OUTSIDE, "hors de l’entreprise", "outside the house") \
	X(OPTED_OUT, "Ne veut plus de", "Wants no more") \
	X(TIMELINE, "Chronologie", "Timeline") \
	X(TIMELINE_NOTE, "Du journal de preuve, déchiffré pour vous\u00a0; cette lecture y est inscrite.", \
		"Out of the trail, opened for you; this reading is recorded there.") \
	X(OLDER, "Plus ancien", "Older") \
	X(NEWER, "Retour au plus récent", "Back to the newest") \
	X(BEGINNING, "Ici commence le dossier.", "Here the file begins.") \
	X(ERASED_BEFORE, "Ce qui précède est effacé ou ne peut être ouvert ici.", "What came before is erased, or cannot be opened here.") \
	X(OTHER_LOG, "Ce qui précède est dans le journal {}.", "What came before is in the log {}.") \
	X(NO_FILE, "Aucun enregistrement dans ce journal.", "No record in this log.") \
	X(MESSAGE_SENT, "Le message tel qu’il est parti", "The message as it was sent") \
	X(MESSAGE_SCRIPT, "Ce qu’il fallait dire", "What was to be said") \
	X(TASK_REPLY, "Ce que le débiteur a écrit", "What the debtor wrote") \
	X(TASK_CASE, "Ce que l’on sait", "What is known") \
	X(MESSAGE_CLOSED, "Le message est effacé.", "The message is erased.") \
	X(AS_HTML, "Sa mise en page", "As it looked") \
	X(ATTACHED, "Pièce jointe", "Attachment") \
	X(SUBJECT, "Objet", "Subject") \
	X(TO, "À", "To") \
	X(FROM, "De", "From") \
	X(WAITS_OUTCOME, "réponse attendue", "outcome awaited") \
	X(IN_SHADOW, "écrit mais non envoyé", "written, not sent") \
	X(RECORD, "Enregistrement {}", "Record {}") \
	/* policies */ \
	X(POLICIES_LEAD, "Les étapes que parcourt chaque facture impayée, dans l’ordre.", "The steps that every unpaid invoice walks, in order.") \
	X(OTHER_POLICIES, "Les autres protocoles ({})", "The other policies ({})") \
	X(BY_DEFAULT, "par défaut", "default") \
	X(LEFT_OUT, "Écartés", "Left out") \
	X(GATE, "décision", "decision") \
	X(ACTION, "action", "action") \
	X(FEES, "frais", "fees") \
	X(ANNOUNCES, "annonce la suite", "announces what follows") \
	X(REGISTERED, "recommandé", "registered") \
	X(TONE_0, "amical", "friendly") \
	X(TONE_1, "neutre", "neutral") \
	X(TONE_2, "ferme", "firm") \
	X(TONE_3, "formel", "formal") \
	X(TONE_4, "juridique", "legal") \
	X(AT_DUE, "échéance", "due") \
	X(AT_DAYS, "{} j", "{} d") \
	X(NO_STEPS, "Ce protocole ne relance personne.", "This policy contacts nobody.") \
	X(MIN_GAP, "{} h au moins entre deux contacts", "{} h at least between two contacts") \
	/* health */ \
	X(PROVIDERS, "Prestataires", "Providers") \
	X(NO_PROVIDER, "Aucun n’a encore été sollicité.", "None was asked yet.") \
	X(PROVIDER, "Prestataire", "Provider") \
	X(REQUESTS, "Demandes", "Requests") \
	X(ACCEPTED, "Acceptées", "Accepted") \
	X(IN_DOUBT, "Incertaines", "In doubt") \
	X(QUEUED, "En attente", "Queued") \
	X(LAST_ERROR, "Dernière erreur", "Last error") \
	X(PROVIDER_UP, "répond", "answers") \
	X(PROVIDER_DOWN, "en panne", "down") \
	X(PROVIDER_STOPPED, "arrêté", "stopped") \
	X(PROVIDER_PAUSED, "en pause", "paused") \
	X(TRAIL, "Journal de preuve", "Trail") \
	X(TRAIL_SIGNED, "Signé", "Signed") \
	X(TRAIL_KEY_NEW, "Une signature prouve davantage\u00a0: dunningctl trail key new.", "Signed, it proves more: dunningctl trail key new.") \
	X(TRAIL_UNSIGNED, "Non signé\u00a0: aucune clé n’est installée", "Not signed: no key is installed") \
	X(TRAIL_LOG, "Journal", "Log") \
	X(TRAIL_RECORDS, "Enregistrements", "Records") \
	X(TRAIL_SIZE, "dont signés", "Of them signed") \
	X(TRAIL_ROOT, "Racine", "Root") \
	X(TRAIL_BEHIND, "À signer", "To be signed") \
	X(TRAIL_ANCHORS, "Ancrages", "Anchors") \
	X(NO_ANCHORS, "Personne d’autre n’en répond\u00a0: aucun ancrage n’est configuré.", "Nobody else vouches for it: no anchor is configured.") \
	X(DAEMON, "Démon", "Daemon") \
	X(VERSION, "Version", "Version") \
	X(STARTED, "Démarré", "Started") \
	X(MODE, "Mode", "Mode") \
	X(MODE_LIVE, "en service", "live") \
	X(MODE_SHADOW, "fantôme", "shadow") \
	X(PARTITIONS, "Partitions", "Partitions") \
	X(SENDS, "envoie", "sends") \
	X(YES, "oui", "yes") \
	X(NO, "non", "no") \
	/* what is wrong, and what to do */ \
	X(BAD_REDIS, "Redis ne répond pas (partition {}). Rien ne part\u00a0; les relances reprennent d’elles-mêmes à son retour.", \
		"Redis does not answer (partition {}). Nothing is sent; reminders go on by themselves once it is back.") \
	X(BAD_REFUSED, "La partition {} attend une personne\u00a0: {}", "Partition {} needs a person: {}") \
	X(BAD_HOLDING, "Tout envoi est suspendu\u00a0: {}. Détail et remède\u00a0: dunningctl status.", \
		"All sending is held: {}. What to do: dunningctl status.") \
	X(BAD_FEED, "Les paiements ne sont plus annoncés\u00a0: personne n’est relancé tant qu’on ne les connaît pas. Voyez ce qui les transmet (banque, comptabilité).", \
		"Nobody tells of payments any more: nobody is reminded until they are known. Look at what sends them (bank, accounting).") \
	X(SEE_STATUS, "voir dunningctl status.", "see dunningctl status.") \
	X(BAD_NOT_LED, "Aucune instance ne mène la partition {}\u00a0: rien n’en part. Voir dunningctl status sur l’hôte de chaque instance.", \
		"No instance leads partition {}: nothing of it is sent. See dunningctl status on the host of each instance.") \
	X(BAD_STATE, "La partition {} ne travaille pas encore\u00a0: {}.", "Partition {} is not at work yet: {}.") \
	X(BAD_CLOCK, "L’horloge est douteuse ({})\u00a0: vérifiez-la, puis dunningctl clock confirm WHY.", \
		"The clock is in doubt ({}): look at it, then dunningctl clock confirm WHY.") \
	X(BAD_SPACE, "Le disque est plein\u00a0: le journal de preuve n’avance plus.", "The disk is full: the trail does not go on.") \
	X(BAD_PROVIDER, "Le prestataire {} ne répond pas\u00a0: ses messages attendent.", "Provider {} does not answer: its messages wait.") \
	X(BAD_ACCOUNT, "Le prestataire {} refuse le compte\u00a0: à corriger chez lui ou dans sa clé, puis systemctl restart dunningd.", \
		"Provider {} refuses the account: mend it, or its credential, then systemctl restart dunningd.") \
	X(BAD_ANCHORS, "Un ancrage a vu un autre journal\u00a0: tout envoi est suspendu. Voir dunningctl trail status.", \
		"An anchor has seen another log: all sending is held. See dunningctl trail status.") \
	X(BAD_ANCHOR_LATE, "Un ancrage ne confirme plus le journal depuis un jour\u00a0: dunningctl trail anchor --wait 90s.", \
		"An anchor has not vouched for the trail for a day: dunningctl trail anchor --wait 90s.") \
	X(BAD_DEAD, "{} événements illisibles attendent une personne\u00a0: dunningctl dead list.", \
		"{} events that cannot be read wait for a person: dunningctl dead list.")

#endif
