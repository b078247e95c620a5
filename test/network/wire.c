/*
 * A wire between two Ethernet interfaces that delays frames, jitters (and so reorders) and loses them, for kernels
 * without netem. It ends with its standard input.
 *
 *   wire plain IFACE...   frames on these leave one by one, with their checksums: no offloading (ethtool -K)
 *   wire IFACE IFACE      carries frames both ways; each line of its input, "DELAY_US JITTER_US LOSS_PER_MILLION
 *                         SEED", says how from now on
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FRAME_BYTES 2048
/* Beyond so many frames on their way it loses what comes, as a router does. */
#define CAPACITY 32768

struct frame {
  uint64_t due, number;
  int out;
  unsigned length;
  unsigned char bytes[FRAME_BYTES];
};

static struct frame *heap[CAPACITY];
static unsigned size;
static uint64_t delay, jitter, loss, state = 1;

static void die(const char *what) {
  fprintf(stderr, "wire: %s: %s\n", what, strerror(errno));
  exit(1);
}

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators", 2016. */
static uint64_t chance(uint64_t below) {
  state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
  return below ? (state * 2685821657736338717ull >> 11) % below : 0;
}

static int earlier(const struct frame *a, const struct frame *b) {
  return a->due != b->due ? a->due < b->due : a->number < b->number;
}

static void push(struct frame *frame) {
  unsigned at = size++;
  for (; at > 0 && earlier(frame, heap[(at - 1) / 2]); at = (at - 1) / 2) heap[at] = heap[(at - 1) / 2];
  heap[at] = frame;
}

static struct frame *pop(void) {
  struct frame *first = heap[0], *last = heap[--size];
  unsigned at = 0;
  for (unsigned child = 1; child < size; at = child, child = 2 * at + 1) {
    if (child + 1 < size && earlier(heap[child + 1], heap[child])) child++;
    if (!earlier(heap[child], last)) break;
    heap[at] = heap[child];
  }
  heap[at] = last;
  return first;
}

static int attach(const char *name) {
  int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETH_P_ALL)), on = 1, bytes = 8 << 20;
  struct sockaddr_ll address = {
      .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = if_nametoindex(name)};
  if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) ||
      bind(fd, (void *)&address, sizeof address))
    die(name);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
  return fd;
}

static void take(int in, int out) {
  static uint64_t number;
  for (int i = 0; i < 64; i++) {
    static struct frame *frame;
    if (!frame && !(frame = malloc(sizeof *frame))) die("memory");
    ssize_t length = recv(in, frame->bytes, FRAME_BYTES, MSG_TRUNC);
    if (length < 0) return; /* none, or the interface is down */
    if (length > FRAME_BYTES || size == CAPACITY || chance(1000000) < loss) continue;
    uint64_t shift = chance(2 * jitter + 1);
    frame->due = now() + (delay + shift > jitter ? delay + shift - jitter : 0) * 1000;
    frame->number = number++;
    frame->out = out;
    frame->length = length;
    push(frame);
    frame = NULL;
  }
}

static void deliver(void) {
  for (uint64_t time = now(); size > 0 && heap[0]->due <= time;) {
    struct frame *frame = pop();
    /* A frame that an interface can't take, because it is down for example, is lost. */
    if (send(frame->out, frame->bytes, frame->length, 0) < 0) errno = 0;
    free(frame);
  }
}

static void obey(void) {
  static char text[256];
  static unsigned length;
  ssize_t got = read(0, text + length, sizeof text - 1 - length);
  if (got <= 0) exit(0);
  text[length += got] = 0;
  for (char *end; (end = strchr(text, '\n')); memmove(text, end + 1, strlen(end))) {
    if (sscanf(text, "%lu %lu %lu %lu", &delay, &jitter, &loss, &state) != 4 || state == 0) {
      fprintf(stderr, "wire: not understood: %s", text);
      exit(2);
    }
    if (puts("ok") < 0 || fflush(stdout)) exit(0);
  }
  length = strlen(text);
}

static void plain(const char *name) {
  static const unsigned features[] = {ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO, ETHTOOL_STXCSUM};
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  for (unsigned i = 0; i < sizeof features / sizeof *features; i++) {
    struct ethtool_value off = {.cmd = features[i]};
    struct ifreq request = {.ifr_data = (void *)&off};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    if (ioctl(fd, SIOCETHTOOL, &request)) die(name);
  }
  close(fd);
}

int main(int count, char **words) {
  if (count > 2 && !strcmp(words[1], "plain")) {
    for (int i = 2; i < count; i++) plain(words[i]);
    return 0;
  }
  if (count != 3) return 2;
  struct pollfd in[] = {{0, POLLIN, 0}, {attach(words[1]), POLLIN, 0}, {attach(words[2]), POLLIN, 0}};
  for (;;) {
    uint64_t time = now(), wait = size == 0 ? 0 : heap[0]->due > time ? heap[0]->due - time : 1;
    struct timespec limit = {wait / 1000000000, wait % 1000000000};
    if (ppoll(in, 3, size ? &limit : NULL, NULL) < 0 && errno != EINTR) die("poll");
    if (in[0].revents) obey();
    if (in[1].revents) take(in[1].fd, in[2].fd);
    if (in[2].revents) take(in[2].fd, in[1].fd);
    deliver();
  }
}
