/** IMAP4rev1 and IMAP4rev2: wire, session, commands. */
export { createImapService, type ImapParts, type ImapService } from './server.ts'
export { defaultImapOptions, type ImapOptions } from './session/options.ts'
