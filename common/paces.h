/*
 * paces - the pace of each provider of a configuration: one for the whole process, whoever asks it.
 */
#ifndef DUNNINGD_COMMON_PACES_H
#define DUNNINGD_COMMON_PACES_H

#include "common/library.h"
#include "common/pace.h"

struct paces;

/* `config` is borrowed for life. No pace is known before paces_use(). */
struct paces *paces_create(const struct config *config);
void paces_free(struct paces *paces); /* NULL is allowed */
DEFINE_CLEANUP(struct paces, paces_free)
/* At the start and after a reload: takes the limits from these files, and forgives everybody. */
void paces_use(struct paces *paces, const struct library *library);
void paces_share(struct paces *paces, int64_t led, int64_t of); /* pace_share() of each, also of those that come later */
struct pace *paces_find(const struct paces *paces, const char *provider); /* NULL: unknown, or the outbox, which has none */
/* The configuration's word, else the file's; without a file (NULL) those of a mail server. */
struct pace_limits paces_limits(const struct provider_settings *settings, const struct adapter *adapter);

#endif
