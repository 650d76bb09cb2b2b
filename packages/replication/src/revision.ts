declare const brand: unique symbol

/**
 * When a key was last written, by the count of all writes to the elector (etcd's `mod_revision`).
 * Never 0, and never the same again after another write.
 */
export type Revision = number & { readonly [brand]: 'Revision' }
