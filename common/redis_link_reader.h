/* redis_link_reader - hiredis' reader, which makes our replies. For redis_link alone. */
#ifndef DUNNINGD_COMMON_REDIS_LINK_READER_H
#define DUNNINGD_COMMON_REDIS_LINK_READER_H

#include "common/redis_link.h" /* before hiredis, which has REDIS_OK as a macro */

#include <hiredis/hiredis.h>

#include "common/cleanup.h"

/* Its objects are struct redis_reply, in the arena, and are freed with it. The caller frees the reader. */
redisReader *reader_create(struct arena *arena);

#endif
