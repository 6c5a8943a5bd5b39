// Making sysfs directories and files: what every device and driver registration does, over and over.
#include "kernel.h"

static struct kmem_cache *kernfs_node_cache;
static struct kernfs_node sysfs_root;

void kernfs_init(void) { kernfs_node_cache = kmem_cache_create("kernfs_node_cache", sizeof(struct kernfs_node), 0); }

static u32 kernfs_name_hash(const char *name)
{
	u32 hash = 0;

	for (; *name; name++)
		hash = (hash + ((u8)*name << 4) + ((u8)*name >> 4)) * 11;
	hash &= 0x7fffffff;
	return hash < 2 ? hash + 2 : hash;
}

static int kernfs_name_compare(u32 hash, const char *name, const struct kernfs_node *kn)
{
	if (hash != kn->hash)
		return hash < kn->hash ? -1 : 1;
	return strcmp(name, kn->name);
}

static noclone int kernfs_link_sibling(struct kernfs_node *kn)
{
	struct rb_node **node = &kn->parent->children.rb_node;
	struct rb_node *parent = NULL;

	while (*node) {
		struct kernfs_node *pos = container_of(*node, struct kernfs_node, rb);
		int result = kernfs_name_compare(kn->hash, kn->name, pos);

		parent = *node;
		if (result < 0)
			node = &pos->rb.rb_left;
		else if (result > 0)
			node = &pos->rb.rb_right;
		else
			return -17; // EEXIST
	}
	rb_link_node(&kn->rb, parent, node);
	rb_insert_color(&kn->rb, &kn->parent->children);
	kn->parent->subdirs++;
	return 0;
}

static noinline struct kernfs_node *__kernfs_new_node(struct kernfs_node *parent, const char *name)
{
	struct kernfs_node *kn = kmem_cache_zalloc(kernfs_node_cache);
	char *copy = kmalloc(strlen(name) + 1);

	strcpy(copy, name);
	kn->name = copy;
	kn->count = 1;
	kn->parent = parent;
	kn->hash = kernfs_name_hash(name);
	parent->count++;
	return kn;
}

static noclone int kernfs_add_one(struct kernfs_node *kn)
{
	step(STEP_KERNFS_NODE);
	return kernfs_link_sibling(kn);
}

noclone struct kernfs_node *kernfs_create_dir_ns(struct kernfs_node *parent, const char *name)
{
	struct kernfs_node *kn = __kernfs_new_node(parent ? parent : &sysfs_root, name);

	kernfs_add_one(kn);
	return kn;
}

noinline void kernfs_create_file_ns(struct kernfs_node *parent, const char *name)
{
	kernfs_add_one(__kernfs_new_node(parent, name));
}

static noinline void sysfs_create_dir_ns(struct kobject *kobj)
{
	kobj->sd = kernfs_create_dir_ns(kobj->parent ? kobj->parent->sd : NULL, kobj->name);
}

static noinline void kobject_add_internal(struct kobject *kobj) { sysfs_create_dir_ns(kobj); }

noinline struct kobject *kobject_create_and_add(const char *name, struct kobject *parent, u32 attributes)
{
	struct kobject *kobj = kzalloc(sizeof(*kobj));
	char file[16];
	u32 i;

	kobj->name = name;
	kobj->parent = parent;
	kobj->kref = 1;
	kobject_add_internal(kobj);
	for (i = 0; i < attributes; i++) {
		snprintf(file, sizeof(file), "attr%u", i);
		kernfs_create_file_ns(kobj->sd, file);
	}
	return kobj;
}
