/* A disk that fails once: the call of number FAIL_AT that writes or syncs a file of the journal.

   FAIL_WITH is an errno; TORN lets half of a write through before it fails. CALLS names a file that is told how many
   calls there were. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int calls;

static int is_journal(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0) return 0;
    path[size] = 0;
    return strstr(path, "journal.db") != NULL;
}

static int fails(int fd) {
    const char *at = getenv("FAIL_AT"), *with = getenv("FAIL_WITH"), *told = getenv("CALLS");
    if (!at || !is_journal(fd)) return 0;
    calls++;
    if (told) {
        FILE *file = fopen(told, "w");
        if (file) {
            fprintf(file, "%d", calls);
            fclose(file);
        }
    }
    if (calls != atoi(at)) return 0;
    errno = atoi(with);
    return 1;
}

#define REAL(name) dlsym(RTLD_NEXT, name)

typedef ssize_t (*pwrite_t)(int, const void *, size_t, off64_t);
typedef int (*truncate_t)(int, off64_t);

static ssize_t written(const char *name, int fd, const void *from, size_t size, off64_t at) {
    if (!fails(fd)) return ((pwrite_t)REAL(name))(fd, from, size, at);
    int error = errno;
    if (getenv("TORN")) ((pwrite_t)REAL(name))(fd, from, size / 2, at);
    errno = error;
    return -1;
}

ssize_t pwrite64(int fd, const void *from, size_t size, off64_t at) { return written("pwrite64", fd, from, size, at); }
ssize_t pwrite(int fd, const void *from, size_t size, off_t at) { return written("pwrite", fd, from, size, at); }
/* Nobody pulls the plug here, so that a sync that does not fail has nothing to do. */
int fsync(int fd) { return fails(fd) ? -1 : 0; }
int fdatasync(int fd) { return fails(fd) ? -1 : 0; }
int ftruncate64(int fd, off64_t size) { return fails(fd) ? -1 : ((truncate_t)REAL("ftruncate64"))(fd, size); }
