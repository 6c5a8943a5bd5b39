// Red-black trees (lib/rbtree.c).
#ifndef KERNEL_RBTREE_H
#define KERNEL_RBTREE_H

#include "types.h"

struct rb_node {
	u32 __rb_parent_color; // parent | 1 when black
	struct rb_node *rb_right;
	struct rb_node *rb_left;
};

struct rb_root {
	struct rb_node *rb_node;
};

static inline void rb_link_node(struct rb_node *node, struct rb_node *parent, struct rb_node **link)
{
	node->__rb_parent_color = (u32)parent;
	node->rb_left = NULL;
	node->rb_right = NULL;
	*link = node;
}

// Rebalances after rb_link_node.
void rb_insert_color(struct rb_node *node, struct rb_root *root);

#endif
