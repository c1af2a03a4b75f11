/**
 * The octets of an encoded summary. Numbers are varints (seven bits an octet, lowest first).
 *
 *     version flags sizeBytes headerBytes bodyLines receivedCount
 *     [sentDay sentSecond]            signed (zigzag); second counted from that day's midnight UTC
 *     length fields                   the kept header fields
 *     length envelope
 *     part
 *
 *     envelope   date subject from sender replyTo to cc bcc inReplyTo messageId
 *     addresses  0 = none, 1 = as From, n+1 = n entries of name [route] mailbox host (flag routes)
 *     string     number n: n & 3 is the form, n >> 2 a length
 *                  0  n = 0: NIL, else word n/4 - 1 of the dictionary (always plain)
 *                  1  plain, a slice of fields: its offset follows
 *                  2  plain (see below): octets follow
 *                  3  anything: octets follow
 *     part       octet: kind (2 bits: other text message multipart) and bits for what is present;
 *                gap headerBytes bodyBytes lines: gap counts from the end of the part before it in the
 *                same parent, else from the parent's body
 *       multipart  count part… subtype parameters extensions
 *       others     type subtype parameters [id] [description] encoding
 *                  message only: length envelope, part
 *                  [md5] extensions
 *     parameters count, then name value…
 *     extensions [disposition: type parameters] [languages: count string…] [location]
 *
 * Plain: printable US-ASCII and TAB without `"` and `\`; it can be put between quotes as it is.
 */
export const summaryVersion = 1

export const summaryFlag = {
  fieldsComplete: 1,
  utf8Header: 2,
  eightBitBody: 4,
  nul: 8,
  bareLf: 16,
  sent: 32,
  /** An address somewhere has a source route, so all entries have a place for one. */
  routes: 64,
  /** Every line can be sent by POP3 as it is; not set: it cannot, or the summary is older than this. */
  plainLines: 128,
} as const

/** Count of an address list that is the same as From. */
export const asFrom = 1

export const stringForm = { word: 0, slice: 1, plain: 2, careful: 3 } as const

export const partKinds = ['other', 'text', 'message', 'multipart'] as const

export const extension = {
  id: 4,
  description: 8,
  md5: 16,
  disposition: 32,
  languages: 64,
  location: 128,
} as const
