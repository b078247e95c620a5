/*
 * floorfs: the least a libfuse3 low-level file server can do. It is the floor our server is measured against.
 *
 *   floorfs [options] MOUNTPOINT      stays in the foreground, says "ready" on stdout once the kernel has
 *                                     greeted it, unmounts on SIGTERM, SIGINT, SIGHUP or its parent's death
 *
 * One thread; every reply is made from the inode number alone, no state is kept. The tree:
 *
 *   small          100 bytes
 *   sink           takes any write and forgets it
 *   zero           zeros without end
 *   d0 .. dN-1     directories (--dirs N), each with the 100-byte files f0 f1 f2 f3
 *
 * Inode numbers: root 1, small 2, sink 3, zero 4, directory i 16+8i, its file j 16+8i+1+j.
 */
#define FUSE_USE_VERSION 314
#include <errno.h>
#include <fuse_lowlevel.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { INO_ROOT = FUSE_ROOT_ID, INO_SMALL, INO_SINK, INO_ZERO, INO_DIRS = 16, INO_STRIDE = 8 };
enum { FILES_PER_DIR = 4, SMALL_SIZE = 100, MAX_IO = 1 << 20, MAX_DIRS = 1000000 };

static struct {
  double entry_timeout; /* seconds */
  double attr_timeout;  /* seconds */
  unsigned max_write;   /* bytes */
  unsigned dirs;
  int direct_io, default_permissions, allow_other, readdirplus; /* 0 or 1 */
} opt = {.max_write = MAX_IO, .direct_io = 1};

static const char zeros[MAX_IO];
static char small[SMALL_SIZE];
static const char *const top_names[] = {"small", "sink", "zero"};

/* An inode is a directory's when its number is the root's or a multiple of the stride from INO_DIRS on. */
static bool is_dir(fuse_ino_t ino) {
  return ino == INO_ROOT || (ino >= INO_DIRS && (ino - INO_DIRS) % INO_STRIDE == 0);
}

static bool exists(fuse_ino_t ino) {
  if (ino < INO_DIRS) return ino >= INO_ROOT && ino <= INO_ZERO;
  return (ino - INO_DIRS) / INO_STRIDE < opt.dirs && (ino - INO_DIRS) % INO_STRIDE <= FILES_PER_DIR;
}

static struct stat attr_of(fuse_ino_t ino) {
  bool dir = is_dir(ino);
  struct stat st = {
    .st_ino = ino,
    .st_mode = dir ? S_IFDIR | 0755 : S_IFREG | 0644,
    .st_nlink = dir ? 2 : 1,
    .st_uid = getuid(),
    .st_gid = getgid(),
    .st_size = dir || ino == INO_SINK || ino == INO_ZERO ? 0 : SMALL_SIZE,
  };
  return st;
}

static struct fuse_entry_param entry_of(fuse_ino_t ino) {
  struct fuse_entry_param e = {
    .ino = ino, .attr = attr_of(ino), .entry_timeout = opt.entry_timeout, .attr_timeout = opt.attr_timeout};
  return e;
}

/* The number in a name such as d17, or -1 if it is not exactly PREFIX and a canonical number below LIMIT. */
static long numbered(const char *name, char prefix, long limit) {
  if (name[0] != prefix || name[1] < '0' || name[1] > '9' || (name[1] == '0' && name[2])) return -1;
  char *end;
  long n = strtol(name + 1, &end, 10);
  return *end == 0 && n < limit ? n : -1;
}

/* The inode of a name in a directory, 0 for none. */
static fuse_ino_t find(fuse_ino_t parent, const char *name) {
  if (parent == INO_ROOT) {
    for (int i = 0; i < 3; i++)
      if (strcmp(name, top_names[i]) == 0) return INO_SMALL + i;
    long n = numbered(name, 'd', opt.dirs);
    return n < 0 ? 0 : INO_DIRS + (fuse_ino_t)n * INO_STRIDE;
  }
  long n = is_dir(parent) ? numbered(name, 'f', FILES_PER_DIR) : -1;
  return n < 0 ? 0 : parent + 1 + (fuse_ino_t)n;
}

/* The name and inode of a directory's entry at a position from 0; false past the last. */
static bool entry_at(fuse_ino_t dir, off_t at, char name[32], fuse_ino_t *ino) {
  off_t i = at - 2; /* after . and .. */
  if (i < 0) {
    strcpy(name, at == 0 ? "." : "..");
    *ino = at == 0 ? dir : INO_ROOT;
  } else if (dir == INO_ROOT && i < 3) {
    strcpy(name, top_names[i]);
    *ino = INO_SMALL + i;
  } else if (dir == INO_ROOT) {
    if (i - 3 >= (off_t)opt.dirs) return false;
    snprintf(name, 32, "d%ld", (long)i - 3);
    *ino = INO_DIRS + (i - 3) * INO_STRIDE;
  } else {
    if (i >= FILES_PER_DIR) return false;
    snprintf(name, 32, "f%d", (int)i);
    *ino = dir + 1 + i;
  }
  return true;
}

static void fs_init(void *data, struct fuse_conn_info *conn) {
  (void)data;
  conn->max_write = opt.max_write; /* libfuse derives max_pages from it, which bounds reads as well */
  if (!opt.readdirplus) conn->want &= ~(FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO);
  puts("ready");
  fflush(stdout);
}

static void fs_lookup(fuse_req_t req, fuse_ino_t parent, const char *name) {
  fuse_ino_t ino = find(parent, name);
  if (ino == 0) {
    fuse_reply_err(req, ENOENT);
    return;
  }
  struct fuse_entry_param e = entry_of(ino);
  fuse_reply_entry(req, &e);
}

static void fs_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi) {
  (void)fi;
  if (!exists(ino)) {
    fuse_reply_err(req, ENOENT);
    return;
  }
  struct stat st = attr_of(ino);
  fuse_reply_attr(req, &st, opt.attr_timeout);
}

/* Truncation and the like succeed and do nothing. */
static void fs_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int set, struct fuse_file_info *fi) {
  (void)st;
  (void)set;
  fs_getattr(req, ino, fi);
}

static void fs_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi) {
  (void)ino;
  fi->direct_io = opt.direct_io;
  fuse_reply_open(req, fi);
}

static void fs_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi) {
  (void)fi;
  size_t left = off < SMALL_SIZE ? (size_t)(SMALL_SIZE - off) : 0;
  if (ino == INO_ZERO) fuse_reply_buf(req, zeros, size < MAX_IO ? size : MAX_IO);
  else if (ino == INO_SINK || left == 0) fuse_reply_buf(req, NULL, 0);
  else fuse_reply_buf(req, small + off, size < left ? size : left);
}

static void fs_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off,
                     struct fuse_file_info *fi) {
  (void)buf;
  (void)off;
  (void)fi;
  if (ino == INO_SINK) fuse_reply_write(req, size);
  else fuse_reply_err(req, EPERM);
}

/* Answers FLUSH and RELEASE. Our server has to answer FLUSH too; unanswered, the kernel would send none. */
static void fs_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi) {
  (void)ino;
  (void)fi;
  fuse_reply_err(req, 0);
}

static void list(fuse_req_t req, fuse_ino_t dir, size_t size, off_t off, bool plus) {
  static char buf[MAX_IO];
  char name[32];
  fuse_ino_t ino;
  size_t used = 0;
  if (size > sizeof buf) size = sizeof buf;
  for (; entry_at(dir, off, name, &ino); off++) {
    struct fuse_entry_param e = entry_of(ino);
    size_t need = plus ? fuse_add_direntry_plus(req, buf + used, size - used, name, &e, off + 1)
                       : fuse_add_direntry(req, buf + used, size - used, name, &e.attr, off + 1);
    if (need > size - used) break;
    used += need;
  }
  fuse_reply_buf(req, buf, used);
}

static void fs_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi) {
  (void)fi;
  list(req, ino, size, off, false);
}

static void fs_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
                           struct fuse_file_info *fi) {
  (void)fi;
  list(req, ino, size, off, true);
}

static const struct fuse_lowlevel_ops ops = {
  .init = fs_init,
  .lookup = fs_lookup,
  .getattr = fs_getattr,
  .setattr = fs_setattr,
  .open = fs_open,
  .read = fs_read,
  .write = fs_write,
  .flush = fs_flush,
  .release = fs_flush,
  .readdir = fs_readdir,
  .readdirplus = fs_readdirplus,
};

static void usage(void) {
  fputs("usage: floorfs [--entry-timeout S] [--attr-timeout S] [--max-write BYTES, 4096 to 1048576]\n"
        "               [--dirs N] [--no-direct-io] [--default-permissions] [--allow-other]\n"
        "               [--readdirplus] MOUNTPOINT\n",
        stderr);
  exit(2);
}

/* The mount point, with the options set in opt. */
static const char *parse(int argc, char **argv) {
  static const struct option longs[] = {
    {"entry-timeout", required_argument, NULL, 'e'},
    {"attr-timeout", required_argument, NULL, 'a'},
    {"max-write", required_argument, NULL, 'w'},
    {"dirs", required_argument, NULL, 'd'},
    {"no-direct-io", no_argument, &opt.direct_io, 0},
    {"default-permissions", no_argument, &opt.default_permissions, 1},
    {"allow-other", no_argument, &opt.allow_other, 1},
    {"readdirplus", no_argument, &opt.readdirplus, 1},
    {NULL, 0, NULL, 0},
  };
  for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
    char *end = "";
    if (c == 'e') opt.entry_timeout = strtod(optarg, &end);
    else if (c == 'a') opt.attr_timeout = strtod(optarg, &end);
    else if (c == 'w') opt.max_write = strtoul(optarg, &end, 10);
    else if (c == 'd') opt.dirs = strtoul(optarg, &end, 10);
    else if (c != 0) usage();
    if (*end) usage();
  }
  if (optind != argc - 1 || opt.max_write < 4096 || opt.max_write > MAX_IO || opt.dirs > MAX_DIRS) usage();
  return argv[optind];
}

int main(int argc, char **argv) {
  const char *mountpoint = parse(argc, argv);
  char mount_options[128];
  snprintf(mount_options, sizeof mount_options, "-ofsname=floorfs,subtype=floorfs%s%s",
           opt.default_permissions ? ",default_permissions" : "", opt.allow_other ? ",allow_other" : "");
  char *fuse_argv[] = {argv[0], mount_options, NULL};
  struct fuse_args args = FUSE_ARGS_INIT(2, fuse_argv);
  memset(small, 's', sizeof small);
  small[SMALL_SIZE - 1] = '\n';

  int status = 1;
  struct fuse_session *se = fuse_session_new(&args, &ops, sizeof ops, NULL);
  if (se == NULL) return 1;
  if (fuse_set_signal_handlers(se) == 0) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (fuse_session_mount(se, mountpoint) == 0) {
      status = fuse_session_loop(se) < 0 ? 1 : 0;
      fuse_session_unmount(se);
    }
    fuse_remove_signal_handlers(se);
  }
  fuse_session_destroy(se);
  fuse_opt_free_args(&args);
  return status;
}
