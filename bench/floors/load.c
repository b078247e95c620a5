/*
 * load: the programs of the benchmark. The same load runs against our tree and against its floor.
 *
 *   load [-t SECONDS] SUBCOMMAND ARG...      see usage below; sizes and counts may end in K, M or G (of 1024)
 *
 * One line of JSON when done: {"ops":N,"seconds":S,"bytes":B,"cut":false}. It goes to stdout, but to stderr when
 * stdout is what is measured (pump -). Every load is bounded by its count and by SECONDS (60 unless told): when
 * time is up it stops where it is and says "cut":true; ops, seconds and bytes then still belong together. Loads
 * that receive start their clock at the first message, so that they don't count their peer's start.
 * Exit status: 0 done, 1 failed with one sentence on stderr, 2 wrong usage.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE = 100, READ_SIZE = 64 << 10, MAX_BLOCK = 64 << 20 };

extern char **environ;

static struct {
  long long ops, bytes;
  double start; /* seconds, of the monotonic clock */
} count;
static volatile sig_atomic_t time_up;
static FILE *report;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

__attribute__((noreturn, format(printf, 1, 2))) static void fail(const char *format, ...) {
  int saved = errno;
  va_list ap;
  va_start(ap, format);
  fputs("load: ", stderr);
  vfprintf(stderr, format, ap);
  va_end(ap);
  if (saved) fprintf(stderr, ": %s", strerror(saved));
  fputc('\n', stderr);
  exit(1);
}

__attribute__((noreturn)) static void finish(void) {
  double seconds = now() - count.start;
  fprintf(report, "{\"ops\":%lld,\"seconds\":%.6f,\"bytes\":%lld,\"cut\":%s}\n", count.ops, seconds, count.bytes,
          time_up ? "true" : "false");
  exit(0);
}

static void on_alarm(int sig) {
  (void)sig;
  time_up = 1;
}

/* Ends the load after some seconds: the timer repeats, so that a call entered just after it is ended too. */
static void bound(double seconds) {
  struct sigaction sa = {.sa_handler = on_alarm}; /* no SA_RESTART: blocked calls end in EINTR */
  sigaction(SIGALRM, &sa, NULL);
  struct itimerval t = {.it_interval = {.tv_usec = 100000}};
  t.it_value.tv_sec = (time_t)seconds;
  t.it_value.tv_usec = (suseconds_t)((seconds - (double)(time_t)seconds) * 1e6);
  if (t.it_value.tv_sec == 0 && t.it_value.tv_usec == 0) t.it_value.tv_usec = 1;
  setitimer(ITIMER_REAL, &t, NULL);
}

/* A failed call: the end of the load if its time is up, else the end of the program. */
__attribute__((noreturn)) static void failed(const char *what, const char *path) {
  if (time_up) finish();
  fail("%s %s", what, path);
}

static bool more(long long n) { return count.ops < n && !time_up; }

/* The result of the call in hand counts as the first message: the clock starts here, once. */
static void first_arrival(void) {
  static bool arrived;
  if (!arrived) count.start = now();
  arrived = true;
}

static int open_or_fail(const char *path, int flags) {
  int fd = open(path, flags | O_CLOEXEC);
  if (fd < 0) failed("open", path);
  return fd;
}

static size_t read_or_fail(int fd, void *buf, size_t size, const char *path) {
  ssize_t n = read(fd, buf, size);
  if (n < 0) failed("read", path);
  return (size_t)n;
}

static void write_all(int fd, const char *buf, size_t size, const char *path) {
  while (size > 0) {
    ssize_t n = write(fd, buf, size);
    if (n < 0) failed("write", path);
    buf += n;
    size -= (size_t)n;
  }
}

static void close_or_fail(int fd, const char *path) {
  if (close(fd) < 0) failed("close", path);
}

/* A page-aligned buffer of x's. */
static char *buffer(size_t size) {
  void *p;
  if (size == 0 || size > MAX_BLOCK) errno = 0, fail("a block is 1 byte to 64 MiB");
  if (posix_memalign(&p, 4096, size) != 0) fail("out of memory");
  memset(p, 'x', size);
  return p;
}

/* Reads to the end of the file and returns how many bytes there were. */
static long long read_to_end(int fd, char *buf, size_t size, const char *path, bool arrival) {
  long long total = 0;
  for (;;) {
    size_t n = read_or_fail(fd, buf, size, path);
    if (arrival) first_arrival();
    if (n == 0) return total;
    total += (long long)n;
  }
}

static long long number(const char *text) {
  char *end;
  errno = 0;
  long long n = strtoll(text, &end, 10);
  int shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;
  if (end == text || end[shift ? 1 : 0] != 0 || n < 0 || n > (1LL << 50) >> shift)
    errno = 0, fail("not a number: %s", text);
  return n << shift;
}

/* stat PATH N */
static void stat_load(char **a) {
  struct stat st;
  for (long long n = number(a[1]); more(n); count.ops++)
    if (stat(a[0], &st) < 0) failed("stat", a[0]);
}

/* openread PATH N */
static void openread(char **a) {
  char *buf = buffer(READ_SIZE);
  for (long long n = number(a[1]); more(n); count.ops++) {
    int fd = open_or_fail(a[0], O_RDONLY);
    count.bytes += read_to_end(fd, buf, READ_SIZE, a[0], false);
    close_or_fail(fd, a[0]);
  }
}

/* seqread PATH BLOCK TOTAL */
static void seqread(char **a) {
  size_t block = (size_t)number(a[1]);
  char *buf = buffer(block);
  int fd = open_or_fail(a[0], O_RDONLY);
  for (long long total = number(a[2]); count.bytes < total && !time_up; count.ops++) {
    size_t n = read_or_fail(fd, buf, block, a[0]);
    if (n == 0) break;
    count.bytes += (long long)n;
  }
  close_or_fail(fd, a[0]);
}

/* Writes TOTAL bytes in BLOCK pieces. */
static void write_blocks(int fd, size_t block, long long total, const char *path) {
  char *buf = buffer(block);
  for (; count.bytes < total && !time_up; count.ops++) {
    long long left = total - count.bytes;
    size_t n = left < (long long)block ? (size_t)left : block;
    write_all(fd, buf, n, path);
    count.bytes += (long long)n;
  }
}

/* seqwrite PATH BLOCK TOTAL */
static void seqwrite(char **a) {
  int fd = open_or_fail(a[0], O_WRONLY | O_TRUNC);
  write_blocks(fd, (size_t)number(a[1]), number(a[2]), a[0]);
  close_or_fail(fd, a[0]);
}

/* smallwrite PATH SIZE N */
static void smallwrite(char **a) {
  long long size = number(a[1]);
  int fd = open_or_fail(a[0], O_WRONLY);
  write_blocks(fd, (size_t)size, size * number(a[2]), a[0]);
  close_or_fail(fd, a[0]);
}

/* pump PATH|- BLOCK TOTAL */
static void pump(char **a) {
  if (strcmp(a[0], "-") != 0) {
    seqwrite(a);
    return;
  }
  report = stderr;
  write_blocks(1, (size_t)number(a[1]), number(a[2]), "stdout");
  close_or_fail(1, "stdout");
}

/* drain PATH|- BLOCK: ops are the reads that returned something */
static void drain(char **a) {
  size_t block = (size_t)number(a[1]);
  char *buf = buffer(block);
  int fd = strcmp(a[0], "-") == 0 ? 0 : open_or_fail(a[0], O_RDONLY);
  while (!time_up) {
    size_t n = read_or_fail(fd, buf, block, a[0]);
    first_arrival();
    if (n == 0) break;
    count.bytes += (long long)n;
    count.ops++;
  }
}

static void sent(void) {
  count.ops++;
  count.bytes += MESSAGE;
}

/* Opens, writes one message and closes, N times. */
static void send_each_flags(char **a, int flags) {
  char *message = buffer(MESSAGE);
  for (long long n = number(a[1]); more(n); sent()) {
    int fd = open_or_fail(a[0], flags);
    write_all(fd, message, MESSAGE, a[0]);
    close_or_fail(fd, a[0]);
  }
}

/* Opens once and writes N messages. */
static void send_kept_flags(char **a, int flags) {
  char *message = buffer(MESSAGE);
  int fd = open_or_fail(a[0], flags);
  for (long long n = number(a[1]); more(n); sent()) write_all(fd, message, MESSAGE, a[0]);
  close_or_fail(fd, a[0]);
}

/* send-each PATH N */
static void send_each(char **a) { send_each_flags(a, O_WRONLY | O_TRUNC); }

/* send-kept PATH N */
static void send_kept(char **a) { send_kept_flags(a, O_WRONLY | O_APPEND); }

/* recv-each PATH N: one open is one message, to its end of file */
static void recv_each(char **a) {
  char *buf = buffer(READ_SIZE);
  for (long long n = number(a[1]); more(n); count.ops++) {
    int fd = open_or_fail(a[0], O_RDONLY);
    count.bytes += read_to_end(fd, buf, READ_SIZE, a[0], true);
    close_or_fail(fd, a[0]);
  }
}

/* recv-kept PATH N: on one open file, an end of file ends a message and the next read begins the next */
static void recv_kept(char **a) {
  char *buf = buffer(READ_SIZE);
  int fd = open_or_fail(a[0], O_RDWR);
  for (long long n = number(a[1]); more(n); count.ops++)
    count.bytes += read_to_end(fd, buf, READ_SIZE, a[0], true);
  close_or_fail(fd, a[0]);
}

/* Reads one message from a FIFO, which knows no bounds: exactly MESSAGE bytes. */
static void fifo_message(int fd, char *buf, const char *path) {
  for (size_t have = 0; have < MESSAGE;) {
    size_t n = read_or_fail(fd, buf, MESSAGE - have, path);
    if (n == 0) errno = 0, fail("%s ended inside a message", path);
    have += n;
  }
  first_arrival();
}

/* fifo-send each|kept PATH N */
static void fifo_send(char **a) {
  if (strcmp(a[0], "each") == 0) send_each_flags(a + 1, O_WRONLY);
  else send_kept_flags(a + 1, O_WRONLY);
}

/*
 * fifo-recv each|kept PATH N: with each, one open, one read, one close a message. A FIFO drops what is unread
 * when nobody holds it open, and ends when nobody writes; the keeper prevents both.
 */
static void fifo_recv(char **a) {
  bool each = strcmp(a[0], "each") == 0;
  char *buf = buffer(MESSAGE);
  int keeper = open_or_fail(a[1], O_RDWR);
  int fd = open_or_fail(a[1], O_RDONLY);
  for (long long n = number(a[2]); more(n); sent()) {
    if (each && count.ops > 0) fd = open_or_fail(a[1], O_RDONLY);
    fifo_message(fd, buf, a[1]);
    if (each) close_or_fail(fd, a[1]);
  }
  close_or_fail(keeper, a[1]);
}

static int redis_connect(const char *path) {
  struct sockaddr_un sa = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof sa.sun_path) errno = 0, fail("too long for a socket: %s", path);
  strcpy(sa.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof sa) < 0) failed("connect", path);
  return fd;
}

/* Reads a reply of at least LEAST bytes that ends a line. No reply of redis here is longer than READ_SIZE. */
static void redis_reply(int fd, char *buf, char type, size_t least, const char *path) {
  size_t have = 0;
  do {
    size_t n = read_or_fail(fd, buf + have, READ_SIZE - 1 - have, path);
    if (n == 0) errno = 0, fail("%s: redis hung up", path);
    have += n;
    buf[have] = 0;
    if (buf[0] != type) errno = 0, fail("%s: redis said %s", path, buf);
  } while (have < least || buf[have - 1] != '\n');
}

/* redis-push SOCK N: LPUSH, one at a time, each waits for its reply */
static void redis_push(char **a) {
  char request[256], buf[READ_SIZE], message[MESSAGE + 1] = {0};
  memset(message, 'x', MESSAGE);
  static const char format[] = "*3\r\n$5\r\nLPUSH\r\n$1\r\nq\r\n$%d\r\n%s\r\n";
  int length = snprintf(request, sizeof request, format, MESSAGE, message);
  int fd = redis_connect(a[0]);
  for (long long n = number(a[1]); more(n); sent()) {
    write_all(fd, request, (size_t)length, a[0]);
    redis_reply(fd, buf, ':', 4, a[0]);
  }
}

/* redis-pop SOCK N: BRPOP, one at a time */
static void redis_pop(char **a) {
  static const char request[] = "*3\r\n$5\r\nBRPOP\r\n$1\r\nq\r\n$1\r\n0\r\n";
  static const char head[] = "*2\r\n$1\r\nq\r\n$100\r\n";
  char buf[READ_SIZE];
  int fd = redis_connect(a[0]);
  for (long long n = number(a[1]); more(n); sent()) {
    write_all(fd, request, sizeof request - 1, a[0]);
    redis_reply(fd, buf, '*', sizeof head - 1 + MESSAGE + 2, a[0]);
    first_arrival();
  }
}

/* Runs a command with its stdout on /dev/null, and waits for it; anything but exit 0 ends the program. */
static void run(char **argv, const posix_spawn_file_actions_t *actions) {
  pid_t pid;
  int status;
  errno = posix_spawnp(&pid, argv[0], actions, NULL, argv, environ);
  if (errno) fail("spawn %s", argv[0]);
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) fail("waitpid");
    if (time_up) kill(pid, SIGKILL); /* the child cannot outlive the bound */
  }
  if (status != 0 && time_up) finish();
  if (status != 0) errno = 0, fail("%s ended with wait status %d", argv[0], status);
}

/* spawnwait N CMD ARG... */
static void spawnwait(char **a) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  for (long long n = number(a[0]); more(n); count.ops++) run(a + 1, &actions);
}

/* Makes the anchor DIR, runs /bin/true in it, reads its status and removes it. */
static void circuit_true_once(const char *dir) {
  static const char command[] = "run /bin/true\n";
  char ctl[4096 + 8], wait[4096 + 8], status[64];
  snprintf(ctl, sizeof ctl, "%s/ctl", dir);
  snprintf(wait, sizeof wait, "%s/wait", dir);
  if (mkdir(dir, 0755) < 0) failed("mkdir", dir);
  int fd = open_or_fail(ctl, O_WRONLY | O_TRUNC);
  write_all(fd, command, sizeof command - 1, ctl);
  close_or_fail(fd, ctl);
  fd = open_or_fail(wait, O_RDONLY);
  size_t have = 0, n;
  while ((n = read_or_fail(fd, status + have, sizeof status - have, wait)) > 0) have += n;
  close_or_fail(fd, wait);
  if (have != 2 || memcmp(status, "0\n", 2) != 0)
    errno = 0, fail("%s said %.*s, not 0", wait, (int)have, status);
  if (rmdir(dir) < 0) failed("rmdir", dir);
}

/* circuit-true ANCHORDIR N */
static void circuit_true(char **a) {
  char dir[4096];
  for (long long n = number(a[1]); more(n); count.ops++) {
    if (snprintf(dir, sizeof dir, "%s/t%lld", a[0], count.ops) >= (int)sizeof dir) fail("path too long");
    circuit_true_once(dir);
  }
}

static const struct load {
  const char *name;
  int args; /* exactly so many; -n: at least n */
  void (*run)(char **args);
  const char *usage;
} loads[] = {
  {"stat", 2, stat_load, "PATH N"},
  {"openread", 2, openread, "PATH N: open, read to the end, close"},
  {"seqread", 3, seqread, "PATH BLOCK TOTAL"},
  {"seqwrite", 3, seqwrite, "PATH BLOCK TOTAL: as > would open it, page-aligned"},
  {"smallwrite", 3, smallwrite, "PATH SIZE N: on one open file"},
  {"send-each", 2, send_each, "PATH N: an open a message of 100 bytes"},
  {"recv-each", 2, recv_each, "PATH N: an open a message"},
  {"send-kept", 2, send_kept, "PATH N: >>, a write a message of 100 bytes"},
  {"recv-kept", 2, recv_kept, "PATH N: <>, every end of file ends a message"},
  {"fifo-send", 3, fifo_send, "each|kept PATH N: the same over a FIFO"},
  {"fifo-recv", 3, fifo_recv, "each|kept PATH N: start it first or together with fifo-send"},
  {"redis-push", 2, redis_push, "SOCK N: LPUSH of 100 bytes over a unix socket kept open"},
  {"redis-pop", 2, redis_pop, "SOCK N: BRPOP"},
  {"pump", 3, pump, "PATH|- BLOCK TOTAL: writes; with -, to stdout, and the JSON goes to stderr"},
  {"drain", 2, drain, "PATH|- BLOCK: reads to the end"},
  {"spawnwait", -2, spawnwait, "N CMD ARG...: runs and waits, its stdout on /dev/null"},
  {"circuit-true", 2, circuit_true, "ANCHORDIR N: mkdir, run /bin/true, read wait, rmdir"},
};
enum { LOADS = sizeof loads / sizeof loads[0] };

__attribute__((noreturn)) static void usage(void) {
  fputs("usage: load [-t SECONDS] SUBCOMMAND ARG...\n", stderr);
  for (int i = 0; i < LOADS; i++) fprintf(stderr, "  %-12s %s\n", loads[i].name, loads[i].usage);
  exit(2);
}

static bool fits(const struct load *l, char **args, int n) {
  if (l->run == fifo_send || l->run == fifo_recv)
    return n == l->args && (strcmp(args[0], "each") == 0 || strcmp(args[0], "kept") == 0);
  return l->args < 0 ? n >= -l->args : n == l->args;
}

int main(int argc, char **argv) {
  double limit = 60;
  report = stdout;
  for (int c; (c = getopt(argc, argv, "+t:")) != -1;) {
    if (c != 't' || (limit = atof(optarg)) <= 0 || limit > 3600) usage();
  }
  if (optind >= argc) usage();
  for (int i = 0; i < LOADS; i++) {
    if (strcmp(loads[i].name, argv[optind]) != 0) continue;
    if (!fits(&loads[i], argv + optind + 1, argc - optind - 1)) usage();
    signal(SIGPIPE, SIG_IGN); /* a write to nobody fails with EPIPE */
    bound(limit);
    count.start = now();
    loads[i].run(argv + optind + 1);
    finish();
  }
  usage();
}
