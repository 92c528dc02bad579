package device

import "strings"

// Unknown is the answer where nothing is recognised.
const Unknown = "Unknown device"

// longest is how much of a header is looked at, in bytes.
const longest = 512

// word is what to say where a header has the mark in it.
type word struct{ mark, name string }

// Browsers, the more particular first: most carry the marks of those after them.
var browsers = []word{
	{"Edg/", "Edge"}, {"EdgA/", "Edge"}, {"EdgiOS/", "Edge"}, {"Edge/", "Edge"},
	{"OPR/", "Opera"}, {"OPT/", "Opera"}, {"OPiOS/", "Opera"}, {"Opera", "Opera"},
	{"SamsungBrowser/", "Samsung Internet"}, {"Vivaldi/", "Vivaldi"}, {"YaBrowser/", "Yandex Browser"},
	{"DuckDuckGo/", "DuckDuckGo"}, {"Ddg/", "DuckDuckGo"}, {"UCBrowser/", "UC Browser"}, {"Brave/", "Brave"},
	{"GSA/", "Google app"},
	{"FxiOS/", "Firefox"}, {"Focus/", "Firefox Focus"}, {"Firefox/", "Firefox"},
	{"HeadlessChrome/", "Headless Chrome"}, {"CriOS/", "Chrome"}, {"Chromium/", "Chromium"}, {"Chrome/", "Chrome"},
	{"MSIE ", "Internet Explorer"}, {"Trident/", "Internet Explorer"},
	{"Epiphany/", "GNOME Web"}, {"Android", "Android browser"}, {"Safari/", "Safari"},
}

// Systems, the more particular first.
var systems = []word{
	{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"iPod", "iPod"},
	{"Windows Phone", "Windows Phone"}, {"Windows", "Windows"},
	{"Android", "Android"}, {"CrOS", "ChromeOS"},
	{"Macintosh", "Mac"}, {"Mac OS X", "Mac"},
	{"FreeBSD", "FreeBSD"}, {"OpenBSD", "OpenBSD"}, {"NetBSD", "NetBSD"}, {"Linux", "Linux"}, {"X11", "Unix"},
}

// Programs say their name at the start.
var programs = []word{
	{"curl/", "curl"}, {"Wget/", "Wget"}, {"HTTPie/", "HTTPie"}, {"PostmanRuntime/", "Postman"}, {"insomnia/", "Insomnia"},
	{"Go-http-client/", "Go program"}, {"python-requests/", "Python program"}, {"python-httpx/", "Python program"},
	{"Python-urllib/", "Python program"}, {"Python/", "Python program"}, {"okhttp/", "Android app"}, {"Dalvik/", "Android app"},
	{"CFNetwork/", "Apple app"}, {"Java/", "Java program"}, {"Apache-HttpClient/", "Java program"}, {"node", "Node.js program"},
	{"axios/", "Node.js program"}, {"undici", "Node.js program"}, {"Ruby", "Ruby program"}, {"PowerShell", "PowerShell"},
}

// Describe returns "Firefox on Linux", "Safari on iPhone", "curl"; or [Unknown].
func Describe(userAgent string) string {
	if len(userAgent) > longest {
		userAgent = userAgent[:longest]
	}
	for _, p := range programs {
		if strings.HasPrefix(userAgent, p.mark) {
			return p.name
		}
	}
	browser, system := find(browsers, userAgent), find(systems, userAgent)
	switch {
	case browser != "" && system != "":
		return browser + " on " + system
	case browser != "":
		return browser
	case system != "":
		return "Browser on " + system
	}
	return Unknown
}

func find(words []word, in string) string {
	for _, w := range words {
		if strings.Contains(in, w.mark) {
			return w.name
		}
	}
	return ""
}
