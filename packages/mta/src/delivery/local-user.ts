/** As whom commands and files of aliases and .forward are served: never as root, never as somebody unasked. */
export type LocalUser =
  /** This process is root and becomes that user for the delivery. */
  | {
      readonly kind: 'other'
      readonly uid: number
      readonly gid: number
      readonly home?: string
      /** Where it is known, and is not the recipient's. */
      readonly name?: string
    }
  /** default_privs is who this process runs as. */
  | { readonly kind: 'self'; readonly home?: string }
  | { readonly kind: 'none'; readonly reason: string }
