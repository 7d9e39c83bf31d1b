#include "common/balance.h"

struct balance balance_decide(const struct balance_member *others, size_t count, uint32_t held, uint32_t partitions)
{
	uint32_t live = 1, least, most;
	bool wanting = false;

	for (size_t i = 0; i < count; i++) {
		live += !others[i].partial;
		if (others[i].partial)
			partitions -= others[i].held < partitions ? others[i].held : partitions;
	}
	least = partitions / live;
	most = least + (partitions % live != 0);
	for (size_t i = 0; i < count; i++)
		wanting |= !others[i].partial && others[i].held < least;
	if (held > most)
		return (struct balance){ .give = held - most };
	if (held == most && most > least && wanting)
		return (struct balance){ .give = 1 };
	return (struct balance){ .take = most - held };
}
