/* tree - folders of a test's, whole. What cannot be done fails the test. */
#ifndef DUNNINGD_TESTS_SUPPORT_TREE_H
#define DUNNINGD_TESTS_SUPPORT_TREE_H

void tree_remove(const char *path); /* a file, too; what is not there is not missed */
void tree_copy(const char *from, const char *to); /* of folders, and of files with their modes, into a folder that may be there; other kinds are left out */

#endif
