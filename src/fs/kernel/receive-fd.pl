#!/usr/bin/perl
# Mounts a FUSE filesystem without being root, and runs a command that inherits its /dev/fuse.
#
#   perl receive-fd.pl OPTIONS MOUNTPOINT -- COMMAND ARG...
#
# OPTIONS are fusermount3's, joined by commas; '' for none. COMMAND takes this process's place (same pid)
# and finds the descriptor's number in CIRCUIT_FUSE_FD, the directory in CIRCUIT_FUSE_DIRECTORY. With its
# parent's id in CIRCUIT_STARTER, COMMAND gets TERM when that one ends, however it does. Exit status 1, with the reason on stderr, if that
# can't be done; nothing is left mounted then.
#
# Why Perl: the set-uid fusermount3 opens /dev/fuse, mounts, and passes the descriptor back over a unix
# socket (SCM_RIGHTS, see unix(7) and libfuse's lib/mount.c), which Node can't receive. Perl can, through
# syscall(2), and Debian always has it: perl-base is Essential. Only modules of perl-base are used here.

use strict;
use warnings;
use Config;
use Fcntl qw(F_SETFD);
use POSIX ();
use Socket qw(AF_UNIX PF_UNSPEC SOCK_STREAM SOL_SOCKET SCM_RIGHTS);

# recvmsg(2)'s number, by the first word of the machine Perl was built for (not of the kernel: a 32-bit
# Perl on a 64-bit kernel makes 32-bit calls). From asm/unistd_64.h and asm-generic/unistd.h.
my %RECVMSG = (x86_64 => 47, aarch64 => 212);
my %PRCTL = (x86_64 => 157, aarch64 => 167);
my ($PR_SET_PDEATHSIG, $SIGTERM) = (1, 15);

sub fail { print STDERR "receive-fd.pl: @_\n"; exit 1 }

my ($options, $mountpoint, $dashes, @command) = @ARGV;
fail 'usage: perl receive-fd.pl OPTIONS MOUNTPOINT -- COMMAND ARG...'
    unless @command && $dashes eq '--';

my ($machine) = $Config{archname} =~ /^([^-]+)/;
my $recvmsg = $RECVMSG{$machine};
fail "this Perl was built for $Config{archname}; recvmsg(2) is known only for 64-bit "
    . join(' and ', sort keys %RECVMSG) . '. Mount as root instead.'
    unless $recvmsg && $Config{ptrsize} == 8;

# With auto_unmount fusermount3 stays until the socket is closed, so it would never be done here.
fail 'the option auto_unmount is not supported' if grep { $_ eq 'auto_unmount' } split /,/, $options;

my $fusermount = find('fusermount3', 'fusermount')
    or fail 'neither fusermount3 nor fusermount is in PATH (' . ($ENV{PATH} // '')
    . "), so only root can mount. Debian's package fuse3 has it.";
my @mount = ($fusermount, length $options ? ('-o', $options) : (), '--', $mountpoint);

my ($fd, $why) = mount_and_receive();
fail "$why; tried: @mount" unless defined $fd;

# recvmsg(2) without MSG_CMSG_CLOEXEC leaves close-on-exec off on what it receives, so COMMAND inherits it.
$ENV{CIRCUIT_FUSE_FD} = $fd;
$ENV{CIRCUIT_FUSE_DIRECTORY} = $mountpoint;
if (defined(my $starter = delete $ENV{CIRCUIT_STARTER})) {
    syscall $PRCTL{$machine}, $PR_SET_PDEATHSIG, $SIGTERM, 0, 0, 0;
    if (getppid != $starter) { unmount(); exit 1 }    # it has ended before we said so
}
{ no warnings 'exec'; exec { $command[0] } @command }
my $error = $!;
unmount();
fail "cannot run $command[0]: $error";

# The first of these programs that PATH holds.
sub find {
    for my $name (@_) {
        for my $dir (split /:/, $ENV{PATH} // '') {
            return "$dir/$name" if -f "$dir/$name" && -x _;
        }
    }
    return undef;
}

# Runs fusermount3 and returns the descriptor it sends; or undef, and why there is none.
sub mount_and_receive {
    # Perl makes both ends close-on-exec ($^F), so COMMAND gets neither.
    socketpair(my $ours, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC)
        or return (undef, "socketpair failed: $!");
    my $pid = fork // return (undef, "fork failed: $!");
    if ($pid == 0) {
        fcntl($theirs, F_SETFD, 0);
        $ENV{_FUSE_COMMFD} = fileno $theirs;
        { no warnings 'exec'; exec { $mount[0] } @mount }
        print STDERR "receive-fd.pl: cannot run $mount[0]: $!\n";
        POSIX::_exit(127);
    }
    close $theirs;    # else a fusermount3 that sends nothing would not end the read below

    my ($fd, $why) = receive($ours);
    1 while waitpid($pid, 0) < 0 && $!{EINTR};
    return $fd if $? == 0 && defined $fd;

    unmount() if defined $fd;
    return (undef, $why) if $? == 0;
    $why = $? & 127 ? 'fusermount was killed by signal ' . ($? & 127) : 'fusermount failed with status ' . ($? >> 8);
    $why .= ' (it is not set-uid root, so only root can mount with it)'
        unless $> == 0 || (-u $fusermount && (stat _)[4] == 0);
    return (undef, $why);
}

# recvmsg(2): one byte of data, with one descriptor beside it. Returns the descriptor; or undef, and why.
sub receive {
    my ($socket) = @_;
    # The kernel writes into these strings through pointers Perl knows nothing of: they must not share
    # their bytes with a constant (copy-on-write), hence pack.
    my $byte = pack 'x1';
    my $control = pack 'J l l l x4', (0) x 4;                     # struct cmsghdr {len, level, type}, an int, padding
    my $iov = pack 'P J', $byte, length $byte;                    # struct iovec {base, len}
    my $message = pack 'J J P J P J J', 0, 0, $iov, 1,            # struct msghdr {name, namelen, iov, iovlen,
        $control, length $control, 0;                             #   control, controllen, flags}
    my $count;
    do { $count = syscall $recvmsg, fileno $socket, $message, 0 } while $count < 0 && $!{EINTR};
    return (undef, "recvmsg failed: $!") if $count < 0;
    return (undef, 'fusermount sent nothing') if $count == 0;

    my $used = (unpack 'J6', $message)[5];
    my ($length, $level, $type, $fd) = unpack 'J l l l', $control;
    return (undef, 'fusermount sent no descriptor')
        unless $used >= 20 && $length == 20 && $level == SOL_SOCKET && $type == SCM_RIGHTS;
    return $fd;
}

# Lazily: with the descriptor about to be closed, nobody would answer a program that is already inside.
sub unmount { system { $fusermount } $fusermount, '-u', '-z', '-q', '--', $mountpoint }
