/*
 * browser - a headless Chromium, driven through chromedriver (W3C WebDriver over HTTP, github.com/w3c/webdriver, and Chromium's
 * goog/cdp/execute). Each call fails the test when it does not come to what it says.
 * One at a time; it ends with the program, however that ends by itself.
 */
#ifndef DUNNINGD_TESTS_SUPPORT_BROWSER_H
#define DUNNINGD_TESTS_SUPPORT_BROWSER_H

#include "common/buf.h"
#include "common/json.h"
#include "tests/support/process.h"

struct browser;

struct browser *browser_open(const char *log); /* chromedriver's output goes there */
void browser_close(struct browser *browser); /* NULL is allowed */
DEFINE_CLEANUP(struct browser, browser_close)

void browser_look(struct browser *browser, int width, int height, bool dark); /* the size of the window, and what the reader prefers */
void browser_go(struct browser *browser, const char *url);
/* Runs "return ..." there; the result lies in the arena. */
struct json browser_eval(struct browser *browser, struct arena *arena, const char *script);
/* Until the script gives true; it is asked again and again. */
void browser_wait(struct browser *browser, const char *script);
void browser_click(struct browser *browser, const char *css); /* as a person would: it must be there and be seen */
void browser_type(struct browser *browser, const char *css, const char *text);
/* Keys, to whatever has the focus: text, or those of W3C WebDriver such as BROWSER_TAB. */
#define BROWSER_TAB "\ue004"
#define BROWSER_ENTER "\ue007"
#define BROWSER_DOWN "\ue015"
void browser_press(struct browser *browser, const char *keys);
void browser_scripts(struct browser *browser, bool on); /* whether pages may run any; ours run all the same */
void browser_frame(struct browser *browser, int index); /* what follows is about this frame; -1 = the page again */
void browser_shot(struct browser *browser, const char *path); /* PNG */
void browser_print(struct browser *browser, const char *path); /* PDF, on A4 */
/* What the console said since it was last asked, one line each. */
const char *browser_console(struct browser *browser, struct arena *arena);
/* The script must give this text; else the program ends, and says where it was. */
void browser_must_be(struct browser *browser, const char *script, const char *expected, const char *where);
/* The page as it stands must keep WCAG 2.2 AA, by axe-core's own text in `axe`; empty: it is not looked at, and false comes back. */
bool browser_holds_to_wcag(struct browser *browser, const struct buf *axe, const char *where);

#endif
