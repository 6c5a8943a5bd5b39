// What is seen of a running kernel's allocator: who asks for what, and each step of it that other tasks can come between.

/** A call of pcpu_alloc(), as its caller made it. Sizes in bytes. */
export interface Request {
  readonly size: number;
  readonly align: number;
  readonly reserved: boolean;
  readonly gfp: number;
}

/** Pages [start, end) of the chunk whose unit 0 is at `base`. */
export interface PageRange {
  readonly base: number;
  readonly start: number;
  readonly end: number;
}

/** What the kernel does to memory on behalf of a request or the balance work, with pcpu_lock dropped. */
export type Operation =
  | ({ readonly kind: 'populate'; readonly ok: boolean } & PageRange)
  | ({ readonly kind: 'depopulate' } & PageRange)
  | ({ readonly kind: 'flush' } & PageRange)
  /** `base` undefined: it failed. */
  | { readonly kind: 'create'; readonly base: number | undefined }
  | { readonly kind: 'destroy'; readonly base: number };

export type OperationKind = Operation['kind'];
