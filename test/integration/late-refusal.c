/*
 * Holds slapd up after the answer to a delete that it refuses, before it takes back the number of that write, for as long as the
 * file is there that CONCORDAT_HELD_UP_BY names. A thread that the machine sets aside at this point does the same.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { SEQUENCE = 0x30, INTEGER = 0x02, ENUMERATED = 0x0a, DELETE_RESPONSE = 0x6b, SUCCESS = 0 };

static ssize_t (*real_write)(int, const void *, size_t);
static int (*real_lock)(pthread_mutex_t *);
static int (*real_trylock)(pthread_mutex_t *);
static int (*real_unlock)(pthread_mutex_t *);
static __thread int refused_before;
static __thread int held;

__attribute__((constructor)) static void find(void)
{
	real_write = dlsym(RTLD_NEXT, "write");
	real_lock = dlsym(RTLD_NEXT, "pthread_mutex_lock");
	real_trylock = dlsym(RTLD_NEXT, "pthread_mutex_trylock");
	real_unlock = dlsym(RTLD_NEXT, "pthread_mutex_unlock");
}

/* Behind the tag and the length, which are short or say how many bytes they take. */
static size_t behind(const unsigned char *bytes, size_t at)
{
	return at + 2 + (bytes[at + 1] & 0x80 ? bytes[at + 1] & 0x7f : 0);
}

static int refuses(const unsigned char *bytes, size_t length)
{
	size_t at;

	if (length < 14 || bytes[0] != SEQUENCE)
		return 0;
	at = behind(bytes, 0);
	if (bytes[at] != INTEGER || bytes[at + 1] > 4)
		return 0;
	at += 2 + bytes[at + 1];
	if (bytes[at] != DELETE_RESPONSE)
		return 0;
	at = behind(bytes, at);
	return bytes[at] == ENUMERATED && bytes[at + 2] != SUCCESS;
}

ssize_t write(int file, const void *bytes, size_t length)
{
	ssize_t written;

	if (real_write == NULL)
		find();
	written = real_write(file, bytes, length);
	if (refuses(bytes, length))
		refused_before = 2;
	return written;
}

int pthread_mutex_lock(pthread_mutex_t *mutex)
{
	if (real_lock == NULL)
		find();
	/* Nobody is to wait for what this thread holds; the first lock is to say that the connection can be written to again. */
	if (refused_before > 0 && held == 0 && --refused_before == 0) {
		while (access(getenv("CONCORDAT_HELD_UP_BY"), F_OK) == 0)
			usleep(5000);
	}
	held++;
	return real_lock(mutex);
}

int pthread_mutex_trylock(pthread_mutex_t *mutex)
{
	int result;

	if (real_trylock == NULL)
		find();
	result = real_trylock(mutex);
	if (result == 0)
		held++;
	return result;
}

int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
	if (real_unlock == NULL)
		find();
	held--;
	return real_unlock(mutex);
}
