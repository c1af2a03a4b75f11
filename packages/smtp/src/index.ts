export type { MailFrom, RcptTo, SmtpHandler, SmtpReply, SmtpSession, SmtpTransaction } from './handler.ts'
