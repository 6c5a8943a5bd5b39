// sysfs nodes: a directory's children hang in a red-black tree ordered by hash and name (fs/kernfs/dir.c).
#ifndef KERNEL_KERNFS_H
#define KERNEL_KERNFS_H

#include "rbtree.h"

struct kernfs_node {
	u32 count;
	u32 active;
	struct kernfs_node *parent;
	const char *name;
	struct rb_node rb;
	const void *ns;
	u32 hash;
	struct rb_root children;
	u32 subdirs;
	u32 rev;
	void *priv;
	u32 id[2];
	u16 flags, mode;
	void *iattr;
	u32 rest[5];
};

struct kobject {
	const char *name;
	struct kobject *parent;
	struct kernfs_node *sd;
	u32 kref;
};

void kernfs_init(void);
struct kernfs_node *kernfs_create_dir_ns(struct kernfs_node *parent, const char *name);
void kernfs_create_file_ns(struct kernfs_node *parent, const char *name);
// A kobject with its directory and `attributes` files in it; parent may be NULL (the root).
struct kobject *kobject_create_and_add(const char *name, struct kobject *parent, u32 attributes);

#endif
