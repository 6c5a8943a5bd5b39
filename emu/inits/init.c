// The first process of a real kernel on the board: loads the modules that /modules names, waits until the disks are there,
// shows what the kernel found and powers off. Prints to the console that it gets from the kernel.

enum {
	SYS_READ = 4003, SYS_WRITE = 4004, SYS_OPEN = 4005, SYS_CLOSE = 4006, SYS_MOUNT = 4021, SYS_SYNC = 4036, SYS_MKDIR = 4039,
	SYS_REBOOT = 4088, SYS_NANOSLEEP = 4166, SYS_FINIT_MODULE = 4348,
};
#define REBOOT_MAGIC1    0xfee1dead
#define REBOOT_MAGIC2    0x28121969
#define REBOOT_POWER_OFF 0x4321fedc

// Looks at the disks this often, and believes it when so many looks in a row saw the same.
#define LOOK_MS  250
#define LOOKS    8
#define MAX_LOOKS 240

long system_call(long number, long a, long b, long c, long d, long e);

static long length(const char *s)
{
	long n = 0;

	while (s[n])
		n++;
	return n;
}

static void print(const char *s) { system_call(SYS_WRITE, 1, (long)s, length(s), 0, 0); }

static void print_number(long value)
{
	char digits[12], *at = digits + sizeof(digits) - 1;
	unsigned long rest = value < 0 ? -(unsigned long)value : (unsigned long)value;

	*at = 0;
	do
		*--at = (char)('0' + rest % 10);
	while (rest /= 10);
	if (value < 0)
		*--at = '-';
	print(at);
}

// The file's beginning, ended by a 0; its length, negative when it cannot be read.
static long read_file(const char *name, char *to, long size)
{
	long file = system_call(SYS_OPEN, (long)name, 0, 0, 0, 0), n = 0, got;

	if (file < 0)
		return file;
	while (n < size - 1 && (got = system_call(SYS_READ, file, (long)to + n, size - 1 - n, 0, 0)) > 0)
		n += got;
	system_call(SYS_CLOSE, file, 0, 0, 0, 0);
	to[n] = 0;
	return n;
}

static void sleep_ms(long ms)
{
	long time[2] = { ms / 1000, ms % 1000 * 1000000 };

	system_call(SYS_NANOSLEEP, (long)time, 0, 0, 0, 0);
}

static char buffer[8192], before[8192];

static void show(const char *name)
{
	if (read_file(name, buffer, sizeof(buffer)) <= 0)
		return;
	print(name);
	print(":\n");
	print(buffer);
}

static void load(const char *module)
{
	long file = system_call(SYS_OPEN, (long)module, 0, 0, 0, 0);
	long result = file < 0 ? file : system_call(SYS_FINIT_MODULE, file, (long)"", 0, 0, 0);

	print("init: ");
	print(module);
	if (result < 0) {
		print(": error ");
		print_number(-result);
		print("\n");
	} else
		print(" loaded\n");
	if (file >= 0)
		system_call(SYS_CLOSE, file, 0, 0, 0, 0);
}

// One path a line, in the order in which they have to be loaded.
static void load_modules(void)
{
	static char list[4096];
	char *start = list;

	if (read_file("/modules", list, sizeof(list)) <= 0)
		return;
	for (char *at = list; *at; at++)
		if (*at == '\n') {
			*at = 0;
			if (*start)
				load(start);
			start = at + 1;
		}
}

static int same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

static void wait_for_disks(void)
{
	int looks = 0;

	before[0] = 0;
	for (int i = 0; i < MAX_LOOKS && looks < LOOKS; i++) {
		long n;

		sleep_ms(LOOK_MS);
		n = read_file("/proc/partitions", buffer, sizeof(buffer));
		looks = n >= 0 && same(buffer, before) ? looks + 1 : 0;
		for (long j = 0; j <= n; j++)
			before[j] = buffer[j];
	}
}

void main(void)
{
	print("init: started\n");
	system_call(SYS_MKDIR, (long)"/proc", 0755, 0, 0, 0);
	system_call(SYS_MOUNT, (long)"proc", (long)"/proc", (long)"proc", 0, 0);
	load_modules();
	wait_for_disks();
	show("/proc/partitions");
	show("/proc/scsi/scsi");
	show("/proc/modules");
	print("init: done\n");
	system_call(SYS_SYNC, 0, 0, 0, 0, 0);
	system_call(SYS_REBOOT, REBOOT_MAGIC1, REBOOT_MAGIC2, REBOOT_POWER_OFF, 0, 0);
	for (;;)
		sleep_ms(1000);
}
