#include "common/lazy.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static int load(struct lazy *lazy, struct err *err)
{
	void *library = dlopen(lazy->library, RTLD_NOW | RTLD_LOCAL);

	if (!library)
		return err_set(err, -ENOENT, "no_library", "", "%s cannot be loaded (%.200s): install %s", lazy->library, dlerror(), lazy->package);
	for (size_t i = 0; i < lazy->count; i++) {
		void *at = dlsym(library, lazy->names[i]);

		if (!at)
			return err_set(err, -ENOENT, "no_library", "", "%s has no %s: install a newer %s", lazy->library, lazy->names[i], lazy->package);
		memcpy((char *)lazy->functions + i * sizeof(at), &at, sizeof(at)); /* C has no cast from an object to a function; POSIX has both alike */
	}
	lazy->loaded = true;
	return 0;
}

int lazy_load(struct lazy *lazy, struct err *err)
{
	int r;

	pthread_mutex_lock(&mutex);
	r = lazy->loaded ? 0 : load(lazy, err);
	pthread_mutex_unlock(&mutex);
	return r;
}
