/* A clock that is set for the programs that are started with this, and for no other.

   Their time of day is the machine's and, beside it, the whole seconds that stand in
   the file CLOCK_AHEAD, as 8 bytes. What measures how long something lasts goes on as
   it does when a machine's clock is set. Programs that keep what they know of condition
   variables (libfaketime 0.9.10) stop gunicorn's threads; this knows of none. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *ahead;

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("CLOCK_AHEAD");
  int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return;
  void *seen = mmap(NULL, sizeof *ahead, PROT_READ, MAP_SHARED, file, 0);
  if (seen != MAP_FAILED) ahead = seen;
  close(file);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  long failed = syscall(SYS_clock_gettime, clock, now);
  int is_of_day = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
  if (!failed && ahead && is_of_day) now->tv_sec += *ahead;
  return (int)failed;
}

time_t time(time_t *told) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (told) *told = now.tv_sec;
  return now.tv_sec;
}

int gettimeofday(struct timeval *restrict told, void *restrict zone) {
  struct timespec now;
  (void)zone;
  clock_gettime(CLOCK_REALTIME, &now);
  told->tv_sec = now.tv_sec;
  told->tv_usec = now.tv_nsec / 1000;
  return 0;
}

static int is_over(const struct timespec *until, const struct timespec *now) {
  if (now->tv_sec != until->tv_sec) return now->tv_sec > until->tv_sec;
  return now->tv_nsec >= until->tv_nsec;
}

/* Waits until a time of day, which comes sooner or later when the clock is set: so it
   waits for moments, and looks at the clock between them, as the kernel does. */
int sem_timedwait(sem_t *lock, const struct timespec *until) {
  static int (*wait)(sem_t *, const struct timespec *);
  if (!wait) wait = dlsym(RTLD_NEXT, "sem_timedwait");
  for (;;) {
    struct timespec now, moment;
    if (!sem_trywait(lock)) return 0;
    clock_gettime(CLOCK_REALTIME, &now);
    if (errno == EAGAIN && is_over(until, &now)) {
      errno = ETIMEDOUT;
      return -1;
    }
    syscall(SYS_clock_gettime, CLOCK_REALTIME, &moment);
    moment.tv_nsec += 20 * 1000 * 1000;
    if (moment.tv_nsec >= 1000 * 1000 * 1000) {
      moment.tv_nsec -= 1000 * 1000 * 1000;
      moment.tv_sec++;
    }
    if (!wait(lock, &moment)) return 0;
    if (errno != ETIMEDOUT) return -1;
  }
}
