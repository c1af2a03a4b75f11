/* What Claws Mail and MailCore do through libetpan. Arguments: IMAP port, POP3 port, SMTP port, user, password. */
#include <libetpan/libetpan.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static mailimap *imap;

/* libetpan's own parser must have taken the whole answer: an error ends the run with what the server said last. */
static void must(const char *what, int result) {
  if (result <= MAILIMAP_NO_ERROR_NON_AUTHENTICATED) return;
  printf("%s failed with %d: %s\n", what, result, imap->imap_response ? imap->imap_response : "");
  exit(1);
}

static void print_uids(const char *what, clist *uids) {
  printf("%s:", what);
  for (clistiter *at = clist_begin(uids); at; at = clist_next(at)) printf(" %u", *(uint32_t *)clist_content(at));
  printf("\n");
}

static struct mailimap_fetch_type *attributes(struct mailimap_fetch_att **wanted, int count) {
  struct mailimap_fetch_type *type = mailimap_fetch_type_new_fetch_att_list_empty();
  for (int n = 0; n < count; n++) mailimap_fetch_type_new_fetch_att_list_add(type, wanted[n]);
  return type;
}

static struct mailimap_set *all(void) { return mailimap_set_new_interval(1, 0); }

static struct mailimap_flag_list *flags(struct mailimap_flag *first, struct mailimap_flag *second) {
  struct mailimap_flag_list *list = mailimap_flag_list_new_empty();
  mailimap_flag_list_add(list, first);
  if (second) mailimap_flag_list_add(list, second);
  return list;
}

static void print_envelope(clist *messages) {
  struct mailimap_msg_att *message = clist_content(clist_begin(messages));
  for (clistiter *at = clist_begin(message->att_list); at; at = clist_next(at)) {
    struct mailimap_msg_att_item *item = clist_content(at);
    if (item->att_type != MAILIMAP_MSG_ATT_ITEM_STATIC) continue;
    struct mailimap_msg_att_static *is = item->att_data.att_static;
    if (is->att_type == MAILIMAP_MSG_ATT_ENVELOPE) printf("subject: %s\n", is->att_data.att_env->env_subject);
    if (is->att_type == MAILIMAP_MSG_ATT_RFC822_SIZE) printf("size: %u\n", is->att_data.att_rfc822_size);
    if (is->att_type == MAILIMAP_MSG_ATT_INTERNALDATE) printf("year: %d\n", is->att_data.att_internal_date->dt_year);
  }
}

static void synchronise(void) {
  uint64_t modseq = 0;
  clist *found;
  struct mailimap_qresync_vanished *vanished = NULL;
  must("select (condstore)", mailimap_select_condstore(imap, "INBOX", &modseq));
  printf("modseq: %s, uidvalidity: %s\n", modseq ? "some" : "none",
         imap->imap_selection_info->sel_uidvalidity ? "some" : "none");
  struct mailimap_fetch_type *type = mailimap_fetch_type_new_fetch_att(mailimap_fetch_att_new_flags());
  must("store", mailimap_uid_store(imap, mailimap_set_new_single(1), mailimap_store_att_flags_new_add_flags(
    flags(mailimap_flag_new_flag_keyword(strdup("$kw")), mailimap_flag_new_flagged()))));
  must("changed since", mailimap_uid_fetch_changedsince(imap, all(), type, modseq, &found));
  printf("changed: %d\n", clist_count(found));
  must("mark", mailimap_uid_store(imap, mailimap_set_new_single(2), mailimap_store_att_flags_new_add_flags(
    flags(mailimap_flag_new_deleted(), NULL))));
  must("uid expunge", mailimap_uid_expunge(imap, mailimap_set_new_single(2)));
  must("changed and vanished", mailimap_uid_fetch_qresync(imap, all(), type, modseq, &found, &vanished));
  struct mailimap_set_item *range = vanished ? clist_content(clist_begin(vanished->qr_known_uids->set_list)) : NULL;
  printf("changed: %d, vanished: %u\n", clist_count(found), range ? range->set_first : 0);
}

static void read_and_search(void) {
  clist *found;
  struct mailimap_fetch_att *wanted[] = {
    mailimap_fetch_att_new_uid(), mailimap_fetch_att_new_flags(), mailimap_fetch_att_new_envelope(),
    mailimap_fetch_att_new_bodystructure(), mailimap_fetch_att_new_internaldate(), mailimap_fetch_att_new_rfc822_size()};
  must("fetch", mailimap_fetch(imap, all(), attributes(wanted, 6), &found));
  printf("fetched: %d\n", clist_count(found));
  print_envelope(found);
  must("fetch full", mailimap_fetch(imap, all(), mailimap_fetch_type_new_full(), &found));
  must("fetch in part", mailimap_fetch(imap, all(), mailimap_fetch_type_new_fetch_att(
    mailimap_fetch_att_new_body_peek_section_partial(mailimap_section_new(NULL), 0, 40)), &found));
  must("search", mailimap_uid_search(imap, "UTF-8", mailimap_search_key_new_text(strdup("Zeile 3: äöü")), &found));
  print_uids("search", found);
  must("sort", mailimap_uid_sort(imap, "UTF-8", mailimap_sort_key_new_subject(1), mailimap_search_key_new_all(), &found));
  print_uids("sort", found);
}

static void change(void) {
  uint32_t validity, uid;
  struct mailimap_set *from, *to;
  const char *message = "From: a@example.org\r\nSubject: appended\r\n\r\nx\r\n";
  must("create", mailimap_create(imap, "et pan"));
  must("create", mailimap_create(imap, "&AMQ-rger\"q"));
  must("subscribe", mailimap_subscribe(imap, "et pan"));
  must("copy", mailimap_uidplus_uid_copy(imap, mailimap_set_new_interval(3, 4), "et pan", &validity, &from, &to));
  must("move", mailimap_uidplus_uid_move(imap, mailimap_set_new_single(5), "&AMQ-rger\"q", &validity, &from, &to));
  printf("moved to: %u\n", ((struct mailimap_set_item *)clist_content(clist_begin(to->set_list)))->set_first);
  must("append", mailimap_uidplus_append(imap, "INBOX", flags(mailimap_flag_new_seen(), NULL),
    mailimap_date_time_new(1, 2, 2024, 3, 4, 5, 100), message, strlen(message), &validity, &uid));
  printf("appended: %u\n", uid);
  must("idle", mailimap_idle(imap));
  must("idle done", mailimap_idle_done(imap));
  must("rename", mailimap_rename(imap, "et pan", "et/pan"));
  must("delete", mailimap_delete(imap, "&AMQ-rger\"q"));
}

static void over_imap(const char *port, const char *user, const char *password) {
  struct mailimap_capability_data *capabilities;
  struct mailimap_id_params_list *who = mailimap_id_params_list_new_empty(), *server;
  struct mailimap_namespace_data *namespaces;
  clist *found, *names = clist_new();
  imap = mailimap_new(0, NULL);
  must("connect", mailimap_socket_connect(imap, "127.0.0.1", atoi(port)));
  must("login", mailimap_login(imap, user, password));
  must("capability", mailimap_capability(imap, &capabilities));
  mailimap_id_params_list_add_name_value(who, strdup("name"), strdup("libetpan"));
  must("id", mailimap_id(imap, who, &server));
  must("namespace", mailimap_namespace(imap, &namespaces));
  clist_append(names, mailimap_capability_new(MAILIMAP_CAPABILITY_NAME, NULL, strdup("QRESYNC")));
  must("enable", mailimap_enable(imap, mailimap_capability_data_new(names), &capabilities));
  printf("enabled: %d\n", clist_count(capabilities->cap_list));
  synchronise();
  read_and_search();
  change();
  must("list", mailimap_list(imap, "", "*", &found));
  must("lsub", mailimap_lsub(imap, "", "*", &found));
  must("logout", mailimap_logout(imap));
}

static void over_pop3(const char *port, const char *user, const char *password) {
  mailpop3 *pop3 = mailpop3_new(0, NULL);
  carray *list;
  char *text;
  size_t length;
  int result = mailpop3_socket_connect(pop3, "127.0.0.1", atoi(port));
  if (!result) result = mailpop3_login(pop3, user, password);
  if (!result) result = mailpop3_list(pop3, &list);
  if (!result) result = mailpop3_retr(pop3, 1, &text, &length);
  printf("pop3: %d, %u messages, the first of %zu octets\n", result, result ? 0 : carray_count(list), length);
  mailpop3_quit(pop3);
}

static void over_smtp(const char *port, const char *user, const char *password) {
  mailsmtp *smtp = mailsmtp_new(0, NULL);
  const char *message = "From: alice@example.org\r\nSubject: from libetpan\r\n\r\n.\r\n..dot\r\n";
  int result = mailsmtp_socket_connect(smtp, "127.0.0.1", atoi(port));
  if (!result) result = mailsmtp_init(smtp);
  if (!result) result = mailsmtp_auth(smtp, user, password);
  if (!result) result = mailesmtp_mail(smtp, user, 1, "etpan-1");
  if (!result) result = mailesmtp_rcpt(smtp, "bob@example.org", MAILSMTP_DSN_NOTIFY_FAILURE, NULL);
  if (!result) result = mailsmtp_data(smtp);
  if (!result) result = mailsmtp_data_message(smtp, message, strlen(message));
  printf("smtp: %d\n", result);
  mailsmtp_quit(smtp);
}

int main(int count, char **given) {
  if (count != 6) return 2;
  over_imap(given[1], given[4], given[5]);
  over_pop3(given[2], given[4], given[5]);
  over_smtp(given[3], given[4], given[5]);
  return 0;
}
