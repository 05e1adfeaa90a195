# SPDX-License-Identifier: MIT
#
# Plain prose from HTML pages that Sphinx made.
#
# usage: awk -v list=FILE -f prose.awk
#
# FILE names the pages, one per line.  Each page becomes one document: its headings and
# its paragraphs, one per line with an empty line between, and <|endoftext|> before the
# next.  Markup goes; code, tables, figures, signatures and lists of links go with all
# that is in them; so do paragraphs that are no sentences (see is_prose()), and a paragraph
# that was there before, which would let a held-out page be known already.

BEGIN {
	while ((getline page < list) > 0)
		ARGV[ARGC++] = page
	RS = "<"	# a record is a tag with the text behind it: tag>text
	FS = "\n"
	left_out = " table pre figure nav script style svg footer "
}

FNR == 1 { finish_page() }

{ read_tag() }

!on || skip { next }

name == "p" || name ~ /^h[1-6]$/ { text = ""; open = name }
name == "/p" || name ~ /^\/h[1-6]$/ { close_paragraph() }

open { text = text (name == "br" ? " " : "") substr($0, end + 1) }

END {
	finish_page()
}

# Sets `name` and `end`; follows what is to be left out down to its end.
function read_tag(   tag)
{
	end = index($0, ">")
	tag = substr($0, 1, end - 1)
	name = tag
	sub(/[ \n\t\/].*/, "", name)
	if (!name)
		name = substr(tag, 1, match(substr(tag, 2) " ", /[ \n\t]/))	# "/p"
	if (tag ~ /itemprop="articleBody"/)
		on = 1
	if (name == "footer")
		on = 0
	if (skip) {
		if (name == skipped)
			skip++
		else if (name == "/" skipped)
			skip--
		return
	}
	if (index(left_out, " " name " ") || tag ~ /class="(sig |headerlink|.*toctree)/) {
		skip = 1
		skipped = name
	}
}

function close_paragraph()
{
	text = plain(text)
	if (open == "p") {
		if (is_prose(text) && !(text in seen)) {
			seen[text] = 1
			add_heading()
			body = body text "\n\n"
		}
	} else if (open) {
		heading = is_title(text) ? text : ""
	}
	open = ""
}

# A heading is kept for the prose under it.
function add_heading()
{
	if (heading)
		body = body heading "\n\n"
	heading = ""
}

function plain(s)
{
	gsub(/&lt;/, "<", s)
	gsub(/&gt;/, ">", s)
	gsub(/&quot;|“|”|„/, "\"", s)
	gsub(/&#39;|&#x27;|’|‘/, "'", s)
	gsub(/&nbsp;|\302\240/, " ", s)
	gsub(/—/, "--", s)
	gsub(/–|‑|‐/, "-", s)
	gsub(/…/, "...", s)
	gsub(/¶/, "", s)
	gsub(/&amp;/, "\\&", s)
	gsub(/[ \t\r\n]+/, " ", s)
	gsub(/^ | $/, "", s)
	return s
}

# Words of an English sentence: it begins like one, ends like one, and is mostly letters.
function is_prose(s,   letters, n)
{
	if (s !~ /^["'(]?[A-Z]/ || s !~ /[.:!?]["')]*$/ || s ~ /^Defined on file/)
		return 0
	if (s ~ /[\200-\377]/ || s ~ /&[#a-z0-9]+;|https?:|[_\/=@\\|{}][_\/=@\\|{}]/)
		return 0
	n = gsub(/ /, " ", s) + 1
	if (n < 6 || length(s) > 12 * n)
		return 0
	letters = gsub(/[a-z ,]/, "", s)
	return letters > 5 * length(s)	# what gsub() left are the others
}

function is_title(s)
{
	return s ~ /^[A-Z0-9"][-A-Za-z0-9 ,'"():\/.?]+$/ && length(s) < 80
}

function finish_page()
{
	if (length(body) > 400)		# less is a list of links
		printf "%s%s", documents++ ? "<|endoftext|>\n" : "", body
	body = text = open = heading = ""
	on = skip = 0
}
