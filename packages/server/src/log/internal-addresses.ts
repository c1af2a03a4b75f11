const quoted = /\b(from|to|orig_to)=<"((?:[^"\\]|\\.)*)"@/g

/** `to=<"a b"@example.org>` without its quotes. Postfix: info_log_address_format = internal. */
export function withInternalAddresses(text: string): string {
  if (!text.includes('=<"')) return text
  return text.replace(
    quoted,
    (_, field: string, local: string) => `${field}=<${local.replace(/\\(.)/g, '$1')}@`,
  )
}
