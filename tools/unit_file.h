/*
 * unit_file - what systemd knows of the daemon as a unit, as far as dunningctl has to know it: its name, and which credentials lie on the disk
 * encrypted.
 */
#ifndef DUNNINGD_TOOLS_UNIT_FILE_H
#define DUNNINGD_TOOLS_UNIT_FILE_H

#include <stdbool.h>

#include "common/cleanup.h"

#define UNIT_FILES "/etc/systemd/system" /* what an administrator writes, as by `systemctl edit` */
#define UNIT_CREDENTIALS "/run/credentials" /* UNIT/NAME: opened for a system service that runs (systemd.io/CREDENTIALS); root may read there */

/* The unit that reads this configuration: dunningd.service has dunningd.json, dunningd@acme.service has acme.json. */
char *unit_of(struct arena *arena, const char *config_file);
/*
 * Whether LoadCredentialEncrypted= or SetCredentialEncrypted= names this credential in `dir`/UNIT or in a drop-in of it; of an instance also in
 * those of its template.
 */
bool unit_encrypts(const char *dir, const char *unit, const char *credential);

#endif
