/** The whole mail server, for tests of mail programs and for whoever embeds it. */
export type { ArrivalsWanted, ReceivedAttachment, ReceivedMessage } from './in-tests/received-mail.ts'
export { type MailServer, type MailServerOptions, startMailServer } from './start/mail-server.ts'
export type { MailServerPorts } from './start/ports.ts'
