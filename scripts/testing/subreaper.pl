# Runs a command and becomes the parent of everything it orphans, so that nothing a test file started can
# get away: prctl(2), PR_SET_CHILD_SUBREAPER. Node can't do this itself: it has no prctl, and never reaps a
# child it did not start, so a process that has ended would look alive.
#
#   perl subreaper.pl COMMAND...
#
# File descriptor 4 is a socket to scripts/run-tests.mjs. On it go `pid N`, when the command has started, and
# `exit N` or `signal N`, when it has ended. At its end of file whatever is still there is killed.
use strict;
use warnings;
use Fcntl;
use POSIX ':sys_wait_h';

my $PR_SET_CHILD_SUBREAPER = 36;
my $SYS_prctl = (POSIX::uname())[4] eq 'x86_64' ? 157 : 167; # 167 in the table that all newer machines share

open(my $runner, '+<&=', 4) or die "subreaper: file descriptor 4: $!\n";
fcntl($runner, F_SETFD, FD_CLOEXEC);
syscall($SYS_prctl, $PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0 or die "subreaper: prctl: $!\n";
$SIG{$_} = 'IGNORE' for qw(HUP INT TERM PIPE);    # the runner decides, by closing its end

my $main = fork() // die "subreaper: fork: $!\n";
if ($main == 0) {
  $SIG{$_} = 'DEFAULT' for qw(HUP INT TERM PIPE);
  exec { $ARGV[0] } @ARGV or do { warn "subreaper: $ARGV[0]: $!\n"; POSIX::_exit(127) };
}
syswrite $runner, "pid $main\n";

sub reap {
  while ((my $pid = waitpid(-1, WNOHANG)) > 0) {
    next if $pid != $main;
    syswrite $runner, WIFSIGNALED($?) ? 'signal ' . WTERMSIG($?) . "\n" : 'exit ' . WEXITSTATUS($?) . "\n";
  }
}

$SIG{CHLD} = sub { };    # interrupts the select below; the 50 ms are for one that comes just before it
while (1) {
  reap();
  my $ready = '';
  vec($ready, fileno($runner), 1) = 1;
  last if select($ready, undef, undef, 0.05) > 0 && !sysread($runner, my $ignored, 4096);
}

# What a killed process leaves becomes a child of this one, so this comes to an end.
for (1 .. 250) {
  open(my $list, '<', "/proc/$$/task/$$/children") or last;
  my @children = split(' ', <$list> // '') or last;
  kill 'KILL', @children;
  select(undef, undef, undef, 0.02);
  reap();
}
