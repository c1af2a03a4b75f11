export type { Address } from './address.ts'
export {
  asciiDomain,
  formatAddress,
  isDomainName,
  isNullAddress,
  normalizeAddress,
  nullAddress,
  parseAddress,
  parseAddressOrLocal,
} from './address.ts'
export type { NamedAddress } from './address-list.ts'
export { parseAddressEntries, parseAddressList } from './address-list.ts'
export { isAddressLiteral, literalAddress } from './address-literal.ts'
export type { BaseSubject } from './base-subject.ts'
export { baseSubject, subjectBase } from './base-subject.ts'
export type { ReportInput } from './bounce.ts'
export { composeBounce, composeDelayWarning, composeSuccess, type ReportTemplate } from './bounce.ts'
export { reportNotices, reportSubjects } from './bounce-text.ts'
export { foldCase } from './case-fold.ts'
export type { CharsetDecoder } from './charset.ts'
export { createCharsetDecoder, decodeCharset, knowsCharset } from './charset.ts'
export { alignedWords, nextControl } from './control-octets.ts'
export type { MessageIdentifiers } from './conversation.ts'
export { conversationKey, messageIdentifiers } from './conversation.ts'
export type { ParsedDate } from './date.ts'
export { formatDate, parseDate } from './date.ts'
export type { DecodedText, OctetRanges, SearchedSummary } from './decoded-text.ts'
export {
  decodedTexts,
  decodeHeaderBlock,
  decodeTextPart,
  foldedTexts,
  searchableRanges,
} from './decoded-text.ts'
export type { DeliveryResult } from './delivery-result.ts'
export { decodeWords, encodeWords, undecodedOctets } from './encoded-word.ts'
export type { AddressEntry, EnvelopeFields } from './envelope.ts'
export type { HeaderField } from './header.ts'
export { excludeFields, findHeader, headerEnd, headerFields, selectFields, unfold } from './header.ts'
export { formatField, formatUtf8Field } from './header-writer.ts'
export { keptFieldNames } from './kept-fields.ts'
export { LineEnds } from './line-ends.ts'
export type { Log, LogEvent } from './log-event.ts'
export { makeMessageId } from './message-id.ts'
export type { OctetString } from './octets.ts'
export { bytesOfOctets, octetsOf } from './octets.ts'
export type { ParameterizedValue } from './parameters.ts'
export { decodeParameters, parameterText, parseParameters } from './parameters.ts'
export { locatePart } from './part-locator.ts'
export { type PartPlace, readPartPlaces } from './part-places.ts'
export { parseForwardPath, parseReversePath, splitPathArgument, withoutSpareBrackets } from './path.ts'
export { printable, printableAscii } from './printable.ts'
export type { HiddenRoute } from './recipient.ts'
export { hiddenRoute, splitRecipientDelimiter } from './recipient.ts'
export { messageIds, referencesOf } from './references.ts'
export type { MessageScanner } from './scanner.ts'
export { createMessageScanner, scanMessage } from './scanner.ts'
export { searchedField, searchedPieces } from './searched-field.ts'
export { isStatus, statusInClass, statusOfReply } from './status.ts'
export type { Disposition, MessagePart, MultipartPart, Parameter, Part, SinglePart } from './structure.ts'
export type { MessageSummary, OctetKinds } from './summary.ts'
export { decodeStructure, decodeSummary } from './summary-decode.ts'
export { encodeSummary } from './summary-encode.ts'
export { extension, summaryFlag, summaryVersion } from './summary-format.ts'
export { SummaryReader } from './summary-reader.ts'
export type { DeliveryPrefixInput, LocalReceivedInput, ReceivedInput } from './trace.ts'
export { deliveryPrefix, localReceivedField, receivedField } from './trace.ts'
export type { OctetDecoder } from './transfer-encoding.ts'
export { createTransferDecoder, decodeTransfer, knowsTransferEncoding } from './transfer-encoding.ts'
