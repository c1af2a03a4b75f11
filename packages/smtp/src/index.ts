export type { CertificateTrust } from './client/certificate.ts'
export { connectSmtp, type SmtpClient } from './client/client.ts'
export type { SmtpFailure } from './client/failure.ts'
export {
  type CertificateAssociation,
  type CertificateDemand,
  type ClientLoginOptions,
  type ClientTlsLevel,
  type ClientTlsSettings,
  defaultClientTimeouts,
  type SmtpClientOptions,
  type SmtpClientTimeouts,
  type SmtpServerAddress,
} from './client/options.ts'
export type {
  ForwardedClient,
  OutgoingMail,
  OutgoingRecipient,
  RecipientOutcome,
} from './client/outgoing-mail.ts'
export { openProxyFilter, type ProxyFilter, type ProxyFilterOptions } from './client/proxy-filter.ts'
export type { RemoteReply } from './client/reply.ts'
export type { RemoteTls } from './client/start-tls.ts'
export type { TlsEvent, TlsFailureType } from './client/tls-event.ts'
export { TlsSessions } from './client/tls-sessions.ts'
export type { TroubledSession } from './client/transcribed-connection.ts'
export type {
  Answer,
  ClaimedName,
  ForwardedOrigin,
  Greeting,
  LoginAnswer,
  MailFrom,
  Misconduct,
  Probation,
  ProxiedClient,
  RcptTo,
  SmtpHandler,
  SmtpReply,
  SmtpSession,
  SmtpTransaction,
} from './handler.ts'
export { defaultSmtpOptions, type SmtpOptions, type SmtpServiceName, serviceOptions } from './options.ts'
export {
  createSmtpService,
  type SmtpListen,
  type SmtpListening,
  type SmtpService,
  type SmtpServiceInput,
} from './service.ts'
export { type StandAloneInput, serveStreams } from './stand-alone.ts'
