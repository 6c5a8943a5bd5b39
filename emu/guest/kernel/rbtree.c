// Insertion into a red-black tree: recolour upwards, at most two rotations (Cormen et al., chapter 13).
#include "kernel.h"

#define RB_BLACK 1

static inline struct rb_node *rb_red_parent(struct rb_node *red) { return (struct rb_node *)red->__rb_parent_color; }
static inline struct rb_node *rb_parent(struct rb_node *node) { return (struct rb_node *)(node->__rb_parent_color & ~3); }
static inline bool rb_is_black(struct rb_node *node) { return node->__rb_parent_color & RB_BLACK; }
static inline bool rb_is_red(struct rb_node *node) { return !rb_is_black(node); }
static inline void rb_set_parent_color(struct rb_node *node, struct rb_node *parent, u32 color)
{
	node->__rb_parent_color = (u32)parent | color;
}

// `new` takes the place of `old` below old's parent.
static void rb_replace_child(struct rb_node *old, struct rb_node *new, struct rb_node *parent, struct rb_root *root)
{
	if (!parent)
		root->rb_node = new;
	else if (parent->rb_left == old)
		parent->rb_left = new;
	else
		parent->rb_right = new;
}

// Lifts `child` above `top`, its parent; child takes top's place and colour, top becomes red.
static void rb_rotate_up(struct rb_node *top, struct rb_node *child, bool left, struct rb_root *root)
{
	u32 inherited = top->__rb_parent_color;
	struct rb_node *inner = left ? child->rb_right : child->rb_left;

	if (left) {
		top->rb_left = inner;
		child->rb_right = top;
	} else {
		top->rb_right = inner;
		child->rb_left = top;
	}
	if (inner)
		rb_set_parent_color(inner, top, RB_BLACK);
	rb_replace_child(top, child, (struct rb_node *)(inherited & ~3), root);
	child->__rb_parent_color = inherited;
	rb_set_parent_color(top, child, 0);
}

noclone void rb_insert_color(struct rb_node *node, struct rb_root *root)
{
	struct rb_node *parent = rb_red_parent(node), *gparent, *uncle;

	for (;;) {
		bool left;

		if (!parent) {
			rb_set_parent_color(node, NULL, RB_BLACK);
			return;
		}
		if (rb_is_black(parent))
			return;
		gparent = rb_red_parent(parent);
		uncle = gparent->rb_right;
		left = uncle != parent;
		if (!left)
			uncle = gparent->rb_left;
		if (uncle && rb_is_red(uncle)) {
			rb_set_parent_color(uncle, gparent, RB_BLACK);
			rb_set_parent_color(parent, gparent, RB_BLACK);
			node = gparent;
			parent = rb_parent(node);
			rb_set_parent_color(node, parent, 0);
			continue;
		}
		if (node == (left ? parent->rb_right : parent->rb_left)) {
			struct rb_node *inner = left ? node->rb_left : node->rb_right;

			// the inner child first takes its parent's place, both red
			if (left) {
				parent->rb_right = inner;
				node->rb_left = parent;
				gparent->rb_left = node;
			} else {
				parent->rb_left = inner;
				node->rb_right = parent;
				gparent->rb_right = node;
			}
			if (inner)
				rb_set_parent_color(inner, parent, RB_BLACK);
			rb_set_parent_color(node, gparent, 0);
			rb_set_parent_color(parent, node, 0);
			parent = node;
		}
		rb_rotate_up(gparent, parent, left, root);
		return;
	}
}
